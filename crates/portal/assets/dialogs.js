// Details beside the list that they are of, and a last question before what can't be taken back.
import { element, localTimes, page, text } from "./common.js";
import { chips, suggest } from "./forms.js";

/** Shows what a link leads to in a dialog at the side. */
async function flyout(link) {
  const found = await page(link.href).catch(() => null);
  const main = found?.querySelector("main");
  if (!main) return location.assign(link.href);
  const body = element("div", { class: "flyout-body" }, ...main.childNodes);
  const close = element("button", { type: "button", class: "quiet" }, text("textClose"));
  const open = element("a", { class: "button quiet", href: link.href }, text("textOpen"));
  const heading = body.querySelector("h1");
  const dialog = element("dialog", { class: "flyout", "aria-label": heading?.textContent ?? link.textContent });
  dialog.append(element("div", { class: "flyout-bar" }, open, close), body);
  localTimes(body);
  document.body.append(dialog);
  chips(body);
  suggest(body);
  // What leads back to the list is here already.
  for (const back of body.querySelectorAll("a[href]")) {
    if (back.pathname !== location.pathname || back.search) continue;
    back.addEventListener("click", (fired) => {
      fired.preventDefault();
      dialog.close();
    });
  }
  close.addEventListener("click", () => dialog.close());
  // What begins beside it closes it, and no selection that only ends there.
  dialog.addEventListener("pointerdown", (fired) => {
    if (fired.target === dialog && fired.clientX < dialog.getBoundingClientRect().left) dialog.close();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    // What is live may have been replaced meanwhile.
    if (link.isConnected) link.focus();
    else document.querySelector(`a[href="${CSS.escape(link.getAttribute("href"))}"]`)?.focus();
  });
  dialog.showModal();
  if (heading) {
    heading.tabIndex = -1;
    heading.focus();
  }
}

document.addEventListener("click", (fired) => {
  const link = fired.target.closest?.("a[data-flyout]");
  const plain = fired.button === 0 && !fired.ctrlKey && !fired.metaKey && !fired.shiftKey && !fired.altKey;
  if (!link || !plain || link.closest("dialog")) return;
  fired.preventDefault();
  flyout(link);
});

/** Asks before a form is sent; its button, or the form, says what. */
document.addEventListener("submit", (fired) => {
  const { target: form, submitter } = fired;
  const about = submitter?.dataset.confirm ?? form.dataset.confirm;
  if (!about || form.dataset.confirmed) return;
  fired.preventDefault();
  const no = element("button", { type: "button", class: "quiet" }, text("textCancel"));
  const yes = element("button", { type: "button", class: "danger" }, submitter?.textContent ?? text("textYes"));
  const words = element("p", { id: "confirm-text" }, about);
  const dialog = element("dialog", { class: "confirm", "aria-labelledby": "confirm-text" }, words);
  dialog.append(element("div", { class: "row" }, yes, no));
  // Within a popover, which would close otherwise.
  (submitter?.closest("[popover]") ?? document.body).append(dialog);
  dialog.addEventListener("close", () => {
    dialog.remove();
    submitter?.focus();
  });
  no.addEventListener("click", () => dialog.close());
  yes.addEventListener("click", () => {
    dialog.close();
    form.dataset.confirmed = "yes";
    form.requestSubmit(submitter);
  });
  dialog.showModal();
  no.focus();
});
