// A real Chromium against a real Postern: what the browser tests share.
import { createRequire } from "node:module";
import { createHmac } from "node:crypto";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import assert from "node:assert/strict";

export { assert };
export const tools = createRequire(process.env.TOOLS + "/");
const { chromium } = tools("playwright-core");
const AxeBuilder = tools("@axe-core/playwright").default;

/** Where the portal is. */
export const url = process.env.POSTERN_URL;

/** Runs `postern` on the server; what it prints. */
export function cli(...args) {
  const all = ["--config", process.env.POSTERN_CONFIG_FILE, ...args];
  return execFileSync(process.env.POSTERN_BIN, all, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
}

let browser;

/** A fresh browser profile; `options` as Playwright's `newContext` takes them. */
export async function profile(options = {}) {
  const context = await browser.newContext({ baseURL: url, viewport: { width: 1440, height: 900 }, ...options });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("console", (message) => {
    // Answers like 401 and 422 are what the flows are about.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) page.problems.push(message.text());
  });
  return page;
}

/** Runs the flows of a file, each with its name told. */
export async function run(flows) {
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
  try {
    for (const [name, flow] of Object.entries(flows)) {
      console.log(`flow: ${name}`);
      await flow();
    }
  } finally {
    await browser.close();
  }
}

/** Where pictures go; without it none are taken (`make screenshots`). */
const shots = process.env.POSTERN_SCREENSHOTS;
if (shots) mkdirSync(shots, { recursive: true });

/**
 * Looks at a page as it stands: no accessibility violation in either theme, no problem of its
 * script, at both widths; with pictures of it where they are asked for.
 */
export async function look(page, name) {
  const before = page.viewportSize();
  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    for (const [width, height] of [[1440, 900], [390, 844]]) {
      await page.setViewportSize({ width, height });
      // Each theme and each layout once.
      if ((scheme === "light") === (width === 1440)) {
        const { violations } = await new AxeBuilder({ page }).analyze();
        const told = violations.map((v) => `${v.id}: ${v.help} ${v.nodes.map((n) => n.html).join(" | ")}`);
        assert.deepEqual(told, [], `${name} (${scheme}, ${width})`);
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
      assert.ok(!wide, `${name} is wider than the screen (${scheme}, ${width})`);
      if (shots) await page.screenshot({ path: `${shots}/${name}-${width}-${scheme}.png`, fullPage: true });
    }
  }
  for (const width of [360, 1920]) {
    await page.setViewportSize({ width, height: 900 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    assert.ok(!wide, `${name} is wider than the screen (${width})`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(before);
  assert.deepEqual(page.problems, [], name);
}

/** The code that an authenticator app shows (RFC 6238), `steps` steps from now. */
export function totp(base32, steps = 0) {
  const bits = [...base32].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const hash = createHmac("sha1", key).update(counter).digest();
  const code = (hash.readUInt32BE(hash[19] & 15) & 0x7fffffff) % 1_000_000;
  return String(code).padStart(6, "0");
}

/** Signs a new person up by the link that an admin gives them. */
export async function signUp(address, role, password = "correct horse battery staple") {
  const page = await profile();
  await page.goto(cli("person", "invite", address, "--role", role));
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Set password and sign in" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  return page;
}

/** Signs in by password. */
export async function signIn(page, address, password = "correct horse battery staple") {
  await page.goto("/sign-in");
  await page.getByLabel("Email address").fill(address);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}
