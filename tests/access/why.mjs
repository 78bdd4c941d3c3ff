// The page behind the link in a refusal.
import { cli, look, profile, run } from "../browser/lib.mjs";

const why = process.env.WHY;

await run({
  async "whoever has the whole link sees why"() {
    const page = await profile();
    await page.goto(why);
    await page.getByText("alice@example.com is restricted from sending mail").waitFor();
    await page.getByText("2 recipients, limit 1").or(page.getByText("limit")).first().waitFor();
    await page.getByRole("link", { name: "helpdesk@example.com" }).waitFor();
    await look(page, "why");
    cli("restricted", "release", "alice", "--reason", "password changed");
    await page.reload();
    await page.getByText("alice@example.com has been able to send mail again since").waitFor();
    await look(page, "why-released");
  },

  async "anything less tells nothing"() {
    const page = await profile();
    for (const wrong of [why.slice(0, -1), why.replace(/.$/, (c) => (c === "0" ? "1" : "0")), why.replace(/PR-..../, "PR-0000")]) {
      await page.goto(wrong);
      await page.getByText("this link is not complete").waitFor();
      if (await page.getByText("alice").count()) throw new Error("it tells whom it is about");
    }
  },
});
