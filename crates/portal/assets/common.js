// What the portal's scripts have in common.

/** Times in the viewer's own zone; the server writes UTC. */
export function localTimes(root = document) {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.valueOf())) {
      time.title = time.textContent;
      time.textContent = format.format(at);
    }
  }
}

/** Shows a problem above the form or button that it is about. */
export function problem(near, text) {
  near.parentElement.querySelector(".note.bad")?.remove();
  const note = document.createElement("p");
  note.className = "note bad";
  note.setAttribute("role", "alert");
  note.textContent = text;
  near.before(note);
}

/** Sends something to the server; its JSON answer, or an error with its words. */
export async function send(address, body, headers = {}) {
  const answer = await fetch(address, { method: "POST", body, headers });
  const json = await answer.json().catch(() => ({ error: answer.statusText }));
  if (!answer.ok) throw new Error(json.error ?? json.detail ?? answer.statusText);
  return json;
}

/** What requests of somebody who is signed in carry. */
export const csrf = () => ({ "x-csrf-token": document.body.dataset.csrf, "content-type": "application/x-www-form-urlencoded" });

/** Fetches a page of ours again, and puts what `selector` finds in it in place of what is here. */
export async function refresh(address, selector, signal) {
  const answer = await fetch(address, { signal });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector(selector);
  const here = document.querySelector(selector);
  if (!fresh || !here) return;
  localTimes(fresh);
  const opened = [...here.querySelectorAll("details")].map((one) => one.open);
  fresh.querySelectorAll("details").forEach((one, at) => (one.open = opened[at] ?? one.open));
  if (fresh.innerHTML === here.innerHTML) return;
  // Whoever is at a link stays at it.
  const at = here.contains(document.activeElement) ? document.activeElement : null;
  here.replaceWith(fresh);
  if (!at) return;
  const same = [...fresh.querySelectorAll(at.localName)].find((one) => one.href === at.href && one.textContent === at.textContent);
  same?.focus({ preventScroll: true });
}

/** A page of ours, read; none if it can't be had. */
export async function page(address, options) {
  const answer = await fetch(address, options);
  if (answer.redirected && new URL(answer.url).pathname === "/sign-in") return null;
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/** An element with attributes and what is in it. */
export function element(name, attributes = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

/** A text that the server put into the page for scripts. */
export const text = (name) => document.body.dataset[name] ?? name;
