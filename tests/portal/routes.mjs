// Every address of the portal, for everybody: who may see what, and what each answer carries.
import { readFileSync } from "node:fs";
import { assert, look, profile, run, signUp, url } from "../browser/lib.mjs";

const source = readFileSync(process.env.ROUTES, "utf8");
const routes = [...source.matchAll(/\.route\(\s*("[^"]+"|[\w:]+::CALLBACK),\s*(.+?)\)\s*$/gm)].map(([, path, methods]) => ({
  path: path.startsWith('"') ? path.slice(1, -1) : "/sign-in/single-sign-on/callback",
  get: methods.includes("get("),
  post: methods.includes("post("),
}));
assert.ok(routes.length > 50, `only ${routes.length} routes are found in ${process.env.ROUTES}`);

// What each takes: nothing, somebody who is signed in, a role that may manage or say who may come in.
const OPEN = ["/sign-in", "/sign-in/code", "/sign-in/passkey", "/sign-in/passkey/begin", "/sign-in/single-sign-on",
  "/sign-in/single-sign-on/callback", "/sign-up/{token}", "/why/{reference}/{signature}"];
const OWN = (path) => path.startsWith("/settings/sign-in");
const ACCESS_GET = ["/settings/organizations/new", "/settings/organizations/{id}"];
const MANAGE_GET = ["/restrict", "/policies/new"];
const takes = ({ path }, method) => {
  if (OPEN.includes(path)) return "nothing";
  // One's own sessions anybody may end; another's is as good as none to them.
  if (OWN(path) || ["/sign-out", "/settings/sessions/{id}/end"].includes(path)) return "anybody";
  if (method === "GET") return ACCESS_GET.includes(path) ? "access" : MANAGE_GET.includes(path) ? "manage" : "anybody";
  return path.startsWith("/settings/") ? "access" : "manage";
};
const MAY = {
  "organization-management": ["anybody", "manage", "access"],
  "security-administrator": ["anybody", "manage"],
  "security-reader": ["anybody"],
  "global-reader": ["anybody"],
};
// Names of nobody and nothing: what is allowed is tried without doing anything.
const filled = (path) => path.replace("{entity}", "nobody%40example.com").replace(/\{\w+\}/g, "none");
// A form that is whole enough to be read.
const FORM = {
  "/unblock": { entity: "nobody@example.com" }, "/restrict": { entity: "" }, "/policies": { name: "" },
  "/policies/preview": { name: "" }, "/policies/{name}/move": { to: "0" }, "/alerts/{reference}": { comment: "" },
  "/allowances": { entity: "", per_day: "", hours: "", reason: "" }, "/alert-policies": { name: "", trigger: "none" },
  "/settings/people": { address: "", role: "security-reader" }, "/settings/people/{address}": { what: "remove" },
  "/settings/tokens": { name: "", role: "security-reader" },
};

const HEADERS = {
  "content-security-policy": /^default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/,
  "x-content-type-options": /^nosniff$/,
  "referrer-policy": /^same-origin$/,
  "cache-control": /^no-store$/,
  "cross-origin-opener-policy": /^same-origin$/,
  "cross-origin-resource-policy": /^same-origin$/,
  "permissions-policy": /camera=\(\)/,
};
const carries = (answer, what) => {
  for (const [name, expected] of Object.entries(HEADERS)) assert.match(answer.headers()[name] ?? "", expected, `${what}: ${name}`);
};
const isToSignIn = (answer) => answer.status() === 303 && answer.headers().location.startsWith("/sign-in");

await run({
  async "nobody sees anything before signing in"() {
    const page = await profile();
    for (const route of routes) {
      if (route.get) {
        const answer = await page.request.get(filled(route.path), { maxRedirects: 0 });
        carries(answer, `GET ${route.path}`);
        if (takes(route, "GET") !== "nothing") assert.ok(isToSignIn(answer), `GET ${route.path}: ${answer.status()}`);
      }
      if (route.post) {
        const answer = await page.request.post(filled(route.path), { form: {}, headers: { origin: url }, maxRedirects: 0 });
        carries(answer, `POST ${route.path}`);
        if (takes(route, "POST") !== "nothing") assert.ok(isToSignIn(answer), `POST ${route.path}: ${answer.status()}`);
      }
    }
    await page.goto("/why/none/none");
    await look(page, "why-not-found");
  },

  async "each role sees and does what it may, and no more"() {
    for (const [role, may] of Object.entries(MAY)) {
      const page = await signUp(`${role}@example.com`, role);
      await page.goto("/");
      const csrf = await page.locator("body").getAttribute("data-csrf");
      for (const route of routes) {
        const { path } = route;
        // The stream does not end, and whoever signs out is out.
        if (route.get && path !== "/changes") {
          const wants = takes(route, "GET");
          const answer = await page.request.get(filled(path), { maxRedirects: 0 });
          carries(answer, `GET ${path}`);
          const refused = answer.status() === 403;
          assert.ok(answer.status() < 500, `${role} GET ${path}: ${answer.status()}`);
          if (wants !== "nothing") assert.equal(refused, !may.includes(wants), `${role} GET ${path}: ${answer.status()}`);
          if (wants !== "nothing") assert.ok(!isToSignIn(answer), `${role} GET ${path}`);
        }
        if (route.post && takes(route, "POST") !== "nothing" && path !== "/sign-out") {
          const wants = takes(route, "POST");
          const headers = { origin: url, "x-csrf-token": csrf };
          const answer = await page.request.post(filled(path), { form: FORM[path] ?? {}, headers, maxRedirects: 0 });
          carries(answer, `POST ${path}`);
          assert.ok(answer.status() < 500, `${role} POST ${path}: ${answer.status()}`);
          if (!may.includes(wants)) assert.equal(answer.status(), 403, `${role} POST ${path}`);
          else assert.notEqual(answer.status(), 403, `${role} POST ${path}`);
          // Without the token, and from another site, nobody does anything.
          for (const other of [{ origin: url }, { origin: "https://evil.example", "x-csrf-token": csrf }]) {
            const forged = await page.request.post(filled(path), { form: FORM[path] ?? {}, headers: other, maxRedirects: 0 });
            assert.equal(forged.status(), 403, `${role} POST ${path} with ${JSON.stringify(other)}`);
          }
        }
      }
      if (role === "security-reader") {
        await page.goto("/settings/organizations/new");
        await look(page, "not-allowed");
        await page.goto("/restricted/none/none");
        await look(page, "not-found");
      }
    }
  },

  async "a first page is light"() {
    const page = await signUp("light@example.com", "global-reader");
    const sizes = [];
    page.on("response", async (answer) => sizes.push((await answer.body().catch(() => Buffer.alloc(0))).length));
    await page.goto("/", { waitUntil: "load" });
    await page.waitForTimeout(200);
    const whole = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(whole > 10_000 && whole < 100_000, `the overview weighs ${whole} bytes`);
  },
});
