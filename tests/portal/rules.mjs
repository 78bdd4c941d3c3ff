// Outbound policies, alert policies, people and tokens.
import { readFileSync } from "node:fs";
import { assert, cli, look, profile, run, signIn, signUp } from "../browser/lib.mjs";

await run({
  async "outbound policies: add, edit, reorder, remove"() {
    const page = await signUp("root@example.com", "organization-management");
    const today = page.getByRole("region", { name: "Mail today" });
    await today.getByText("Usual", { exact: true }).first().waitFor();
    await today.getByText("Show as a table").click();
    await today.getByRole("columnheader", { name: "Usual" }).waitFor();
    await today.getByText("Show as a table").click();
    await page.getByText("Nobody is restricted").waitFor();
    await look(page, "overview-usual");
    await page.goto("/alerts");
    await look(page, "alerts-empty");
    await page.goto("/policies/new");
    await look(page, "policy-new");
    await page.goto("/policies");
    await look(page, "policies-default");
    for (const name of ["Newsletters", "Interns"]) {
      await page.goto("/policies/new");
      await page.getByLabel("Name").fill(name);
      await page.getByRole("textbox", { name: "These domains" }).first().fill("news.example.com, lists.example.com,");
      await page.getByRole("button", { name: "Remove lists.example.com" }).waitFor();
      await page.getByRole("button", { name: "Strict limits" }).click();
      assert.equal(await page.getByLabel("External per hour").inputValue(), "400");
      if (name === "Interns") {
        await page.getByRole("combobox", { name: "Notify these people" }).fill("not an address");
        await page.getByRole("button", { name: "Save" }).click();
        await page.getByRole("alert").getByText("not an address").waitFor();
        assert.equal(await page.getByLabel("Name").inputValue(), "Interns", "nothing typed is lost");
        await look(page, "policy-wrong");
        await page.getByRole("button", { name: "Remove not an address" }).click();
      }
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("status").getByText(`${name} is saved`).waitFor();
    }
    const order = async () => (await page.locator("tbody").first().getByRole("rowheader").allInnerTexts()).map((name) => name.trim());
    const before = await order();
    const up = page.getByRole("button", { name: `Move ${before[1]} up` });
    await up.press("Enter");
    await up.waitFor({ state: "detached" });
    assert.deepEqual(await order(), [before[1], before[0], "Default"]);
    // It is at the top now: the focus is on the way back.
    const down = page.getByRole("button", { name: `Move ${before[1]} down` });
    assert.ok(await down.evaluate((one) => one === document.activeElement));
    await page.locator("tr", { hasText: before[1] }).locator(".handle").dragTo(page.locator("tr", { hasText: before[0] }));
    await up.waitFor();
    assert.deepEqual(await order(), before);
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
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    await page.getByRole("status").getByText("Interns is removed").waitFor();
  },

  async "what a policy would do is seen before it does"() {
    for (const javaScriptEnabled of [true, false]) {
      const page = await profile({ javaScriptEnabled });
      await signIn(page, "root@example.com");
      await page.goto("/policies/Default");
      await page.getByLabel("External per hour").fill("5");
      await page.getByRole("button", { name: "Preview effect" }).click();
      await page.getByText("this policy would have acted on one entity").waitFor();
      await page.getByRole("row", { name: /ann@example.com .*12 external recipients per hour, the limit is 5.* No|6 external recipients per hour, the limit is 5/ }).waitFor();
      if (javaScriptEnabled) {
        await look(page, "policy-effect");
        await page.getByLabel("External per hour").fill("7000000");
        await page.getByRole("button", { name: "Preview effect" }).click();
        await page.getByRole("alert").getByText("external_per_hour").waitFor();
        await page.getByLabel("External per hour").fill("50");
        await page.getByRole("button", { name: "Preview effect" }).click();
        await page.getByText("would have acted on nobody").waitFor();
      }
      assert.equal(await page.getByLabel("External per hour").inputValue(), javaScriptEnabled ? "50" : "5");
      await page.goto("/policies/Default");
      assert.equal(await page.getByLabel("External per hour").inputValue(), "123", "a preview changes nothing");
    }
  },

  async "and at the command line"() {
    const tried = cli("policy", "preview", "Default", "external_per_hour=5");
    assert.match(tried, /Default would have acted on one entity\./);
    assert.match(tried, /ann@example\.com .* 12 external recipients per hour, the limit is 5 +no/);
    assert.match(cli("policy", "preview", "Nobody", "users=zoe@example.com", "per_day=1"), /acted on nobody\./);
    const known = JSON.parse(cli("--json", "policy", "preview", "Default", "external_per_hour=3"));
    assert.deepEqual(known.entities.map((one) => [one.entity, one.window, one.limit]).sort(), [["ann@example.com", "external_per_hour", 3], ["ben@example.com", "external_per_hour", 3]]);
  },

  async "allowances"() {
    const page = await profile();
    await signIn(page, "root@example.com");
    await page.goto("/policies");
    await page.getByLabel("Entity").fill("ann@example.com");
    await page.getByLabel("Recipients per day").fill("5000");
    await page.getByLabel("Reason").fill("the yearly invitation");
    await page.getByRole("button", { name: "Allow" }).click();
    await page.getByRole("status").getByText("ann@example.com can send more").waitFor();
    await look(page, "allowances");
    await page.getByRole("link", { name: "ann@example.com" }).click();
    await page.getByText("the yearly invitation").first().waitFor();
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
    const known = () => JSON.parse(cli("--json", "alerts", "policies")).find((one) => one.name === "User restricted from sending email");
    // What is not touched stays as the configuration says.
    await page.getByRole("button", { name: "Remove TenantAdmins" }).waitFor();
    await page.getByLabel("Severity").selectOption("medium");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("status").getByText("is saved").waitFor();
    assert.deepEqual([known().recipients, known().daily_notification_limit, known().severity], [null, null, "medium"]);
    await page.getByRole("link", { name: "User restricted from sending email" }).click();
    await page.getByRole("dialog").getByRole("link", { name: "Close" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.getByRole("link", { name: "User restricted from sending email" }).click();
    assert.ok(await page.getByLabel("Status: On").isChecked());
    const recipients = page.getByRole("combobox", { name: "Email recipients" });
    await recipients.pressSequentially("secur");
    await page.locator('datalist option[value="soc@example.com"]').waitFor({ state: "attached" });
    await recipients.fill("soc@example.com");
    await recipients.press("Enter");
    await page.getByRole("button", { name: "Remove soc@example.com" }).waitFor();
    await recipients.fill("someone@example.com,");
    await page.getByRole("button", { name: "Remove someone@example.com" }).click();
    await page.getByLabel("Daily notification limit").fill("10");
    await page.getByLabel("chat").check();
    await look(page, "alert-policy");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("status").getByText("is saved").waitFor();
    assert.deepEqual(
      [known().recipients, known().daily_notification_limit, known().webhooks],
      [["TenantAdmins", "soc@example.com"], 10, ["chat"]],
    );
    await page.getByRole("link", { name: "User restricted from sending email" }).click();
    await page.getByRole("button", { name: "Send a test" }).click();
    await page.getByRole("heading", { name: "Test" }).waitFor();
    await look(page, "alert-policy-tested");
    await page.getByRole("button", { name: "Recipients and limit as configured" }).click();
    await page.getByRole("status").getByText("is saved").waitFor();
    assert.deepEqual([known().recipients, known().daily_notification_limit, known().webhooks], [null, null, ["chat"]]);
  },

  async "policies are moved and the alert policy is edited without JavaScript"() {
    const page = await profile({ javaScriptEnabled: false });
    await signIn(page, "root@example.com");
    cli("policy", "add", "Zebra", "domains=zebra.example.com");
    const first = async () => (await page.locator("tbody").first().getByRole("rowheader").first().innerText()).trim();
    await page.goto("/policies");
    assert.equal(await first(), "Newsletters");
    await page.getByRole("button", { name: "Move Zebra up" }).click();
    assert.equal(await first(), "Zebra");
    await page.goto("/alert-policies/Release%20overdue");
    await page.getByLabel("Email recipients").fill("TenantAdmins\nsoc@example.com");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("status").getByText("is saved").waitFor();
    const known = JSON.parse(cli("--json", "alerts", "policies")).find((one) => one.name === "Release overdue");
    assert.deepEqual(known.recipients, ["TenantAdmins", "soc@example.com"]);
  },

  async "what Exchange's cmdlets make is one policy here"() {
    const page = await profile();
    await signIn(page, "root@example.com");
    cli("cmdlet", "New-HostedOutboundSpamFilterPolicy", "Execs", "-RecipientLimitPerDay", "800");
    await page.goto("/policies");
    await page.getByRole("row", { name: /Execs Off nobody yet .* 800/ }).waitFor();
    cli("cmdlet", "New-HostedOutboundSpamFilterRule", "Execs", "-HostedOutboundSpamFilterPolicy", "Execs", "-FromMemberOf", "execs", "-Priority", "0");
    await page.reload();
    await page.getByRole("row", { name: /0 Execs On groups execs .* 800/ }).waitFor();
    cli("cmdlet", "Remove-HostedOutboundSpamFilterPolicy", "Execs");
  },

  async "organizations and the wiring check"() {
    const page = await profile();
    await signIn(page, "root@example.com");
    await page.goto("/settings");
    await page.getByRole("link", { name: "Add organization" }).click();
    await page.getByLabel("Id").fill("Not an id");
    await page.getByRole("textbox", { name: "Domains" }).fill("tenant.example,");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").waitFor();
    await look(page, "organization-wrong");
    await page.getByLabel("Id").fill("tenant");
    await page.getByLabel("Name").fill("The Tenant");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("status").getByText("The Tenant is saved").waitFor();
    await page.getByRole("link", { name: "The Tenant" }).click();
    await look(page, "organization");
    await page.getByText("Remove this organization").click();
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    const question = page.getByRole("dialog");
    await look(page, "question");
    await question.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    await question.getByRole("button", { name: "Remove" }).click();
    await page.getByRole("status").getByText("tenant is removed").waitFor();
    await page.getByRole("link", { name: "Wiring check" }).click();
    await page.getByText("the policy door answers").waitFor();
    await page.getByText("smtpd_sender_restrictions").waitFor();
    await look(page, "wiring-check");
  },

  async "people, tokens, audit, accounts"() {
    const page = await profile();
    await signIn(page, "root@example.com");
    await page.goto("/settings");
    await look(page, "settings");
    // The PowerShell module, as a file and as the lines that make use of it.
    assert.match(await page.locator("pre", { hasText: "Expand-Archive" }).innerText(), /\nImport-Module \.\/Postern\nConnect-Postern http/);
    const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download the module" }).click()]);
    assert.equal(saved.suggestedFilename(), "postern-powershell.zip");
    const zip = readFileSync(await saved.path());
    assert.equal(zip.subarray(0, 4).toString("latin1"), "PK\x03\x04");
    for (const file of ["Postern/Postern.psd1", "Postern/Cmdlets.ps1", "Postern/en-US/about_Postern.help.txt"]) assert.ok(zip.includes(file), file);
    const tokens = page.getByRole("region", { name: "API tokens" });
    await tokens.getByLabel("Name").fill("backup");
    await tokens.getByRole("button", { name: "Create a token" }).click();
    await page.getByText("It is not shown again").waitFor();
    await look(page, "token");
    await page.getByRole("link", { name: "I have stored" }).click();
    await page.getByRole("button", { name: "Revoke the token backup" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("status").getByText("backup is revoked").waitFor();
    const people = page.getByRole("region", { name: "People" });
    await people.locator("form", { has: page.getByRole("button", { name: "Invite" }) }).getByLabel("Email address").fill("new@example.com");
    await people.getByRole("button", { name: "Invite" }).click();
    await page.getByText("/sign-up/").waitFor();
    await page.goto("/settings");
    await page.getByRole("button", { name: "Change other@example.com" }).click();
    await page.getByRole("heading", { name: "other@example.com" }).waitFor();
    await look(page, "settings-person");
    await page.goto("/audit?verify=1");
    await page.getByText("none changed, none missing").waitFor();
    await page.getByLabel("Search").fill("allowance");
    await page.getByText("ann@example.com").first().waitFor();
    await page.getByRole("combobox", { name: "Action" }).selectOption("policy");
    await page.getByText("Nothing found").waitFor();
    await page.getByLabel("Search").fill("");
    await page.getByText("policy.change").first().waitFor();
    await page.getByLabel("To day").fill("2020-01-01");
    await page.getByText("Nothing found").waitFor();
    await page.goto("/audit?q=allowance");
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
