// What the portal's pages do better with JavaScript. Every page works without it.
import { csrf, localTimes, problem, refresh, send } from "./common.js";
import "./dialogs.js";
import { chips, preview, reorder, suggest } from "./forms.js";

/** Passkeys: sign in by one, or make one (WebAuthn level 3). */
function passkeys() {
  if (!window.PublicKeyCredential?.parseCreationOptionsFromJSON) return;
  const wire = (element, event, work) => {
    element.hidden = false;
    element.addEventListener(event, async (fired) => {
      fired.preventDefault();
      const button = element.matches("button") ? element : element.querySelector("button");
      button.disabled = true;
      try {
        location.assign((await work()).next);
      } catch (error) {
        // Whoever closes the browser's window knows that it was not done.
        if (error.name !== "NotAllowedError") problem(element, error.message);
        button.disabled = false;
      }
    });
  };
  for (const button of document.querySelectorAll("button[data-passkey=sign-in]")) {
    wire(button, "click", async () => {
      const ask = await send("/sign-in/passkey/begin");
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(ask.publicKey);
      const credential = await navigator.credentials.get({ publicKey });
      const body = JSON.stringify({ credential: credential.toJSON(), next: button.dataset.next || null });
      return send("/sign-in/passkey", body, { "content-type": "application/json" });
    });
  }
  for (const form of document.querySelectorAll("form[data-passkey=register]")) {
    wire(form, "submit", async () => {
      const ask = await send("/settings/sign-in/passkeys/begin", "", csrf());
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(ask.publicKey);
      const credential = await navigator.credentials.create({ publicKey });
      const body = new URLSearchParams({ credential: JSON.stringify(credential.toJSON()), name: form.elements.name.value });
      return send("/settings/sign-in/passkeys", body, csrf());
    });
  }
}

/** Lists search as one types. */
function searchAsYouType() {
  for (const form of document.querySelectorAll("form[data-search]")) {
    let wait, running;
    const search = () => {
      running?.abort();
      running = new AbortController();
      const address = `${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`;
      history.replaceState(null, "", address);
      // What is exported is what is listed.
      for (const link of document.querySelectorAll("a[data-export]")) link.search = new URL(location.href).search;
      refresh(address, "[data-results]", running.signal).catch(() => {});
    };
    form.addEventListener("input", () => {
      clearTimeout(wait);
      wait = setTimeout(search, 200);
    });
    form.addEventListener("submit", (fired) => {
      fired.preventDefault();
      clearTimeout(wait);
      search();
    });
  }
}

/** Buttons that fill in the limits of a preset. */
function presets() {
  for (const row of document.querySelectorAll("[data-presets]")) {
    row.hidden = false;
    for (const button of row.querySelectorAll("[data-preset]")) {
      button.addEventListener("click", () => {
        const [external, internal, day] = button.dataset.preset.split(",");
        const fields = button.closest("form").elements;
        fields.external_per_hour.value = external;
        fields.internal_per_hour.value = internal;
        fields.per_day.value = day;
      });
    }
  }
}

/** The overview as it is now: the server says when something changes (server-sent events). */
function live() {
  if (!document.querySelector("[data-live]")) return;
  let wait;
  const soon = () => {
    // Of many changes at once, the page is fetched once.
    wait ??= setTimeout(() => {
      wait = undefined;
      refresh(location.href, "[data-live]").catch(() => {});
    }, 300);
  };
  const source = new EventSource("/changes");
  source.onmessage = soon;
  // After it was away, what was missed.
  source.onerror = () => (source.onopen = soon);
  // What nobody tells of: counts of messages, a mail server that asks for the first time.
  setInterval(() => document.visibilityState === "visible" && soon(), 10_000);
}

for (const element of document.querySelectorAll("[data-without-script]")) element.remove();
localTimes();
// On a phone the menu is a row that scrolls.
document.querySelector(".menu [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
passkeys();
searchAsYouType();
presets();
chips();
suggest();
preview();
reorder();
live();
