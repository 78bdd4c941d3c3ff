// A real OpenID provider on loopback: whoever logs in as NAME is NAME@example.com, in the group
// that GROUPS gives them.
import { tools } from "../browser/lib.mjs";

const { Provider } = await import(tools.resolve("oidc-provider"));
const groups = { chief: ["mail-admins", "staff"], auditor: ["auditors"], guest: ["staff"], double: ["auditors"] };
const issuer = `http://localhost:${process.env.PROVIDER_PORT}`;
const provider = new Provider(issuer, {
  clients: [{ client_id: "postern", client_secret: "a secret between us", redirect_uris: [process.env.REDIRECT] }],
  scopes: ["openid", "email", "profile", "groups"],
  claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"] },
  cookies: { keys: ["test"] },
  pkce: { required: () => true },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id, groups: groups[id] ?? [], email: id === "double" ? "local@example.com" : `${id}@example.com`,
      email_verified: id !== "unverified",
    }),
  }),
});
provider.listen(Number(process.env.PROVIDER_PORT), "127.0.0.1");
