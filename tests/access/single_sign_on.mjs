// Single sign-on against a real provider: groups say the role.
import { assert, cli, look, profile, run, signUp } from "../browser/lib.mjs";

async function byProvider(page, name) {
  await page.goto("/sign-in?next=%2Fsettings%2Fsign-in%3Fback%3D1");
  await page.getByRole("link", { name: "Sign in with Example login" }).click();
  await page.locator("input[name=login]").fill(name);
  await page.locator("input[name=password]").fill("anything");
  await page.locator("button[type=submit]").click();
  await page.getByRole("button", { name: "Continue" }).click();
}

const role = (address) => JSON.parse(cli("--json", "person")).find((person) => person.address === address)?.role;

await run({
  async "groups say the role"() {
    const page = await profile();
    await page.goto("/sign-in");
    await look(page, "sign-in-provider");
    await byProvider(page, "chief");
    await page.waitForURL("**/settings/sign-in?back=1");
    await page.getByText("You signed in by single sign-on").waitFor();
    await look(page, "own-sign-in-provider");
    assert.equal(role("chief@example.com"), "organization-management");
    const reader = await profile();
    await byProvider(reader, "auditor");
    await reader.getByText("You signed in by single sign-on").waitFor();
    assert.equal(role("auditor@example.com"), "security-reader");
    // Disabled here, the provider's word does not help.
    cli("person", "disable", "auditor@example.com");
    await reader.context().clearCookies({ name: "postern" });
    await byProvider(reader, "auditor").catch(() => {});
    await reader.getByText("you may not sign in").waitFor();
  },

  async "without a role, an address, or a clear owner nobody gets in"() {
    const guest = await profile();
    await byProvider(guest, "guest");
    await guest.getByText("Your account has no role here").waitFor();
    await look(guest, "no-role");
    const unverified = await profile();
    await byProvider(unverified, "unverified");
    await unverified.getByText("no verified mail address").waitFor();
    await signUp("local@example.com", "global-reader");
    const double = await profile();
    await byProvider(double, "double");
    await double.getByText("is a person already").waitFor();
    assert.equal(role("local@example.com"), "global-reader");
    for (const address of ["guest@example.com", "unverified@example.com"]) assert.equal(role(address), undefined);
  },

  async "an answer that nobody asked for is refused"() {
    const page = await profile();
    await page.goto("/sign-in/single-sign-on/callback?code=stolen&state=stolen");
    await page.getByText("begun elsewhere").waitFor();
    await page.goto("/sign-in/single-sign-on/callback?error=access_denied&error_description=They+said+no");
    await page.getByText("They said no").waitFor();
  },
});
