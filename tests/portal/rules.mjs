// Outbound policies, alert policies, people and tokens.
import { assert, cli, look, profile, run, signIn, signUp } from "../browser/lib.mjs";

await run({
  async "outbound policies: add, edit, reorder, remove"() {
    const page = await signUp("root@example.com", "organization-management");
    await look(page, "overview-empty");
    await page.goto("/policies");
    await look(page, "policies-default");
    for (const name of ["Newsletters", "Interns"]) {
      await page.goto("/policies/new");
      await page.getByLabel("Name").fill(name);
      await page.getByLabel("These domains").first().fill("news.example.com\nlists.example.com");
      await page.getByRole("button", { name: "Strict limits" }).click();
      assert.equal(await page.getByLabel("External per hour").inputValue(), "400");
      if (name === "Interns") {
        await page.getByLabel("Notify these people").fill("not an address");
        await page.getByRole("button", { name: "Save" }).click();
        await page.getByRole("alert").getByText("not an address").waitFor();
        assert.equal(await page.getByLabel("Name").inputValue(), "Interns", "nothing typed is lost");
        await look(page, "policy-wrong");
        await page.getByLabel("Notify these people").fill("");
      }
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("status").getByText(`${name} is saved`).waitFor();
    }
    const order = async () => (await page.locator("tbody").first().getByRole("rowheader").allInnerTexts()).map((name) => name.trim());
    const before = await order();
    await page.getByRole("button", { name: `Move ${before[1]} up` }).press("Enter");
    await page.waitForLoadState();
    assert.deepEqual(await order(), [before[1], before[0], "Default"]);
    await look(page, "policies");
    await page.goto("/policies/Default");
    await page.getByLabel("External per hour").fill("123");
    await look(page, "policy-default");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("status").getByText("Default is saved").waitFor();
    const policies = JSON.parse(cli("--json", "policy", "list"));
    assert.equal(policies.find((one) => one.name === "Default").external_per_hour, 123);
    await page.goto("/policies/Interns");
    await page.getByText("Remove this policy").click();
    await page.getByRole("button", { name: "Remove" }).click();
    await page.getByRole("status").getByText("Interns is removed").waitFor();
  },

  async "allowances"() {
    const page = await profile();
    await signIn(page, "root@example.com");
    await page.goto("/policies");
    await page.getByLabel("Entity").fill("ann@example.com");
    await page.getByLabel("Recipients per day").fill("5000");
    await page.getByLabel("Reason").fill("the yearly invitation");
    await page.getByRole("button", { name: "Allow" }).click();
    await page.getByRole("status").getByText("ann@example.com may send more").waitFor();
    await look(page, "allowances");
    await page.getByRole("link", { name: "ann@example.com" }).click();
    await page.getByText("the yearly invitation").waitFor();
    await look(page, "entity-allowance");
  },

  async "two admins edit the same policy: the second is told"() {
    const first = await profile();
    const second = await signUp("other@example.com", "security-administrator");
    await signIn(first, "root@example.com");
    for (const page of [first, second]) await page.goto("/policies/Newsletters");
    await first.getByLabel("Per day").first().fill("700");
    await first.getByRole("button", { name: "Save" }).click();
    await first.getByRole("status").waitFor();
    await second.getByLabel("Per day").first().fill("900");
    await second.getByRole("button", { name: "Save" }).click();
    await second.getByRole("alert").waitFor();
    await look(second, "policy-conflict");
    assert.equal(JSON.parse(cli("--json", "policy", "list")).find((one) => one.name === "Newsletters").per_day, 700);
  },

  async "the alert policy is edited"() {
    const page = await profile();
    await signIn(page, "root@example.com");
    await page.getByRole("link", { name: "Alert policies" }).click();
    await look(page, "alert-policies");
    await page.getByRole("link", { name: "User restricted from sending email" }).click();
    assert.equal(await page.getByLabel("Email recipients").inputValue(), "TenantAdmins");
    await page.getByLabel("Email recipients").fill("TenantAdmins\nsoc@example.com");
    await page.getByLabel("Daily notification limit").fill("10");
    await look(page, "alert-policy");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("status").getByText("is saved").waitFor();
    const known = JSON.parse(cli("--json", "alerts", "policies")).find((one) => one.name === "User restricted from sending email");
    assert.deepEqual([known.recipients, known.daily_notification_limit], [["TenantAdmins", "soc@example.com"], 10]);
  },

  async "people, tokens, audit, accounts"() {
    const page = await profile();
    await signIn(page, "root@example.com");
    await page.goto("/settings");
    await look(page, "settings");
    const tokens = page.getByRole("region", { name: "API tokens" });
    await tokens.getByLabel("Name").fill("backup");
    await tokens.getByRole("button", { name: "Make a token" }).click();
    await page.getByText("It is not shown again").waitFor();
    await look(page, "token");
    await page.getByRole("link", { name: "I have kept" }).click();
    await page.getByRole("button", { name: "Revoke the token backup" }).click();
    await page.getByRole("status").getByText("backup is revoked").waitFor();
    const people = page.getByRole("region", { name: "People" });
    await people.locator("form", { has: page.getByRole("button", { name: "Invite" }) }).getByLabel("Email address").fill("new@example.com");
    await people.getByRole("button", { name: "Invite" }).click();
    await page.getByText("/sign-up/").waitFor();
    await page.goto("/settings");
    await page.locator("summary").filter({ hasText: "Change" }).first().click();
    await look(page, "settings-person");
    await page.goto("/audit?verify=1");
    await page.getByText("none changed, none missing").waitFor();
    await page.getByLabel("Search").fill("allowance");
    await page.getByText("ann@example.com").first().waitFor();
    await look(page, "audit");
    const file = await page.request.get("/audit.csv?q=allowance");
    const [head, first, ...more] = (await file.text()).trim().split("\r\n");
    assert.equal(head, "seq,at,actor,action,target,detail");
    assert.match(first, /"root@example.com","allowance.grant","ann@example.com"/);
    assert.deepEqual(more, []);
    await page.goto("/accounts");
    await look(page, "accounts");
    await page.getByLabel("Address, name or reference").fill("ann@example.com");
    await page.getByRole("button", { name: "Show" }).click();
    await page.getByRole("heading", { name: "ann@example.com" }).waitFor();
    await page.goto("/accounts?q=R-NOPE");
    await look(page, "accounts-nothing-found");
  },
});
