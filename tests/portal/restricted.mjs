// What an admin does when the alert mail arrives: look, review, unblock. With JavaScript and without.
import { assert, cli, look, profile, run, signIn, signUp } from "../browser/lib.mjs";

const unblock = async (page, entity, pictures) => {
  await page.goto("/restricted");
  await page.getByRole("button", { name: `Unblock ${entity}` }).click();
  await page.getByRole("heading", { name: "Recommendations" }).waitFor();
  // The sender was refused a moment ago, or never tried.
  await page.getByText(pictures ? /The last attempt to send with it was .* from 89.160.20.112/ : "Nobody has tried").waitFor();
  if (pictures) await look(page, "unblock-details");
  await page.getByLabel("The password is changed").check();
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByLabel("Reason").fill("   ");
  await page.getByRole("button", { name: "Unblock user" }).click();
  await page.getByRole("alert").getByText("Say why").waitFor();
  if (pictures) await look(page, "unblock-reason");
  await page.getByLabel("Reason").fill("password changed, sessions ended");
  await page.getByRole("button", { name: "Unblock user" }).click();
  await page.getByRole("heading", { name: "Unblock now?" }).waitFor();
  // What was ticked is remembered, and what was not is said.
  await page.getByText("You have not ticked").waitFor();
  assert.equal(await page.getByText(/not ticked:.*The password is changed/).count(), 0);
  if (pictures) await look(page, "unblock-confirm");
  await page.getByRole("button", { name: "Yes" }).click();
  await page.getByRole("status").getByText(`${entity} may send again`).waitFor();
  await page.getByRole("button", { name: "Undo" }).waitFor();
  if (pictures) await look(page, "unblocked");
};

await run({
  async "it appears live, is reviewed and unblocked"() {
    const page = await signUp("root@example.com", "organization-management");
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await page.getByText("Nobody is restricted").waitFor();
    // Nothing is reloaded by hand.
    await page.getByRole("link", { name: "alice@example.com" }).first().waitFor({ timeout: 20_000 });
    await page.getByRole("img", { name: "Recipients per hour today" }).waitFor({ timeout: 20_000 });
    await page.getByRole("region", { name: "Closest to their limits" }).getByText("100 %").waitFor({ timeout: 20_000 });
    await page.getByRole("region", { name: "System health" }).getByText("Policy door").waitFor();
    await look(page, "overview");
    await page.goto("/restricted");
    await page.getByText("4 external recipients per hour, the limit is 3").waitFor();
    await page.getByRole("cell", { name: "4 of 3" }).waitFor();
    await look(page, "restricted");
    // The details come beside the list, and the focus goes back to where it was.
    const link = page.getByRole("link", { name: "alice@example.com" });
    await link.press("Enter");
    const flyout = page.getByRole("dialog", { name: "alice@example.com" });
    await flyout.getByRole("heading", { name: "Why it is restricted" }).waitFor();
    await flyout.getByRole("row", { name: /89.160.20.112 Sweden 4 1 4/ }).waitFor();
    await look(page, "entity-flyout");
    await page.keyboard.press("Escape");
    await flyout.waitFor({ state: "detached" });
    assert.ok(await link.evaluate((one) => one === document.activeElement));
    await link.click();
    await flyout.getByRole("link", { name: "Open as a page" }).click();
    await page.getByRole("heading", { name: "Why it is restricted" }).waitFor();
    await page.getByRole("img", { name: "Recipients per hour, the last 48 hours" }).waitFor();
    await page.getByText("Limit: 3 external recipients per hour").waitFor();
    await page.getByText("In the last 48 hours: 3 external and 0 internal recipients in 3 messages. Refused: 0 unknown recipients, and 1 because of a restriction.").waitFor();
    await page.getByRole("region", { name: "Audit trail" }).getByText("restriction.add").waitFor();
    await page.getByText("Show as a table").click();
    await look(page, "entity");
    await page.goto("/alerts?status=active");
    await look(page, "alerts");
    await page.getByRole("link", { name: "User restricted from sending email" }).click();
    const details = page.getByRole("dialog");
    await details.getByLabel("Comment").fill("phished; the password is being changed");
    await details.getByLabel("Status").selectOption("investigating");
    await details.getByRole("button", { name: "Save" }).click();
    await page.getByText("phished; the password").waitFor();
    await look(page, "alert");
    await unblock(page, "alice@example.com", true);
    await page.getByRole("link", { name: "Back to the list" }).first().click();
    await page.getByText("Nobody is restricted").waitFor();
    await look(page, "restricted-nobody");
    await page.goto("/restricted/alice%40example.com");
    await page.getByText("on probation").waitFor();
    await look(page, "entity-probation");
  },

  async "restricted by hand, found by typing, unblocked together"() {
    const page = await profile();
    await signIn(page, "root@example.com");
    for (const name of ["bob", "carol", "dave"]) {
      await page.goto("/restrict");
      await page.getByLabel("Entity").fill(`${name}@example.com`);
      await page.getByLabel("Reason").fill("left the company");
      if (name === "bob") await look(page, "restrict");
      await page.getByRole("button", { name: "Restrict" }).click();
      await page.getByRole("status").getByText(`${name}@example.com is restricted`).waitFor();
    }
    await page.goto("/restrict?entity=bob%40example.com&reason=again");
    await page.getByRole("button", { name: "Restrict" }).click();
    await page.getByRole("alert").waitFor();
    await look(page, "restrict-twice");
    await page.goto("/restricted");
    await page.getByLabel("Search").fill("carol");
    await page.getByText("1 to 1 of 1").waitFor();
    assert.equal(await page.getByRole("link", { name: "bob@example.com" }).count(), 0);
    await page.getByLabel("Search").fill("zzz");
    await page.getByText("Nothing found").waitFor();
    await look(page, "restricted-nothing-found");
    const download = page.waitForEvent("download");
    await page.goto("/restricted");
    await page.getByRole("link", { name: "Export as CSV" }).click();
    assert.equal((await download).suggestedFilename(), "restricted.csv");
    for (const name of ["bob", "carol"]) await page.getByLabel(`Select ${name}@example.com`).check();
    await page.getByRole("button", { name: "Unblock selected" }).click();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByLabel("Reason").fill("a mistake");
    await page.getByRole("button", { name: "Unblock user" }).click();
    await page.getByRole("button", { name: "Yes" }).click();
    await page.getByRole("status").getByText("carol@example.com, bob@example.com may send again").waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByRole("status").getByText("Restricted again: carol@example.com, bob@example.com").waitFor();
    // The same restrictions as before: their cause is what it was, and the trail says why they are back.
    await page.getByText("left the company").first().waitFor();
    await look(page, "restricted-again");
    await page.goto("/audit?action=restriction");
    await page.getByText("restriction.restore").first().waitFor();
    await page.locator("details").first().click();
    await page.getByText("undone. The reason for it had been: a mistake").first().waitFor();
  },

  async "all of it without JavaScript"() {
    const page = await profile({ javaScriptEnabled: false });
    await signIn(page, "root@example.com");
    await page.goto("/restricted?q=dave");
    await unblock(page, "dave@example.com", false);
  },

  async "a reader sees no action"() {
    const page = await signUp("reader@example.com", "security-reader");
    cli("restricted", "add", "erin@example.com", "--reason", "a try");
    await page.goto("/restricted");
    await page.getByRole("link", { name: "erin@example.com" }).waitFor();
    await look(page, "restricted-reader");
    const offered = async () => (await page.getByRole("main").getByRole("button").allInnerTexts()).filter((name) => name !== "Show");
    for (const address of ["/restricted", "/restricted/erin%40example.com", "/policies", "/policies/Default", "/alert-policies", "/settings"]) {
      await page.goto(address);
      assert.deepEqual(await offered(), [], address);
    }
    await look(page, "settings-reader");
    // What is not offered is not done either.
    const csrf = await page.locator("body").getAttribute("data-csrf");
    const answer = await page.request.post("/unblock", {
      form: { csrf, entity: "erin@example.com", step: "yes", reason: "mine" },
      headers: { origin: new URL(page.url()).origin },
    });
    assert.equal(answer.status(), 403);
  },
});
