// Fields and lists that are easier to edit with JavaScript.
import { csrf, element, localTimes, page, problem, refresh, text } from "./common.js";

let lists = 0;

/** Suggests accounts of the directory, and what `always` names, as one types into a field. */
function suggestFor(input, always = []) {
  const list = element("datalist", { id: `suggestions-${++lists}` });
  input.after(list);
  input.setAttribute("list", list.id);
  const offer = (found) => {
    const options = found.map(({ entity, name }) => element("option", { value: entity, label: name ?? entity }));
    list.replaceChildren(...always.map((value) => element("option", { value })), ...options);
  };
  let wait;
  const look = async () => {
    const answer = await fetch(`/accounts/suggestions?${new URLSearchParams({ q: input.value })}`);
    if (answer.ok && !answer.redirected) offer(await answer.json());
  };
  offer([]);
  input.addEventListener("input", () => {
    clearTimeout(wait);
    if (input.value.trim()) wait = setTimeout(() => look().catch(() => {}), 150);
  });
  return list;
}

/** Fields that take one account. */
export function suggest(root = document) {
  for (const input of root.querySelectorAll("input[data-suggest]")) suggestFor(input);
}

/** Lists that are typed one to a line, as chips. The text area stays what is sent. */
export function chips(root = document) {
  for (const area of root.querySelectorAll("textarea[data-chips]:enabled")) makeChips(area);
}

function makeChips(area) {
  const name = [...area.parentElement.childNodes].find((node) => node.nodeType === Node.TEXT_NODE)?.textContent.trim();
  const input = element("input", { "aria-label": name, autocomplete: "off", type: "text" });
  const described = area.getAttribute("aria-describedby");
  if (described) input.setAttribute("aria-describedby", described);
  const shown = element("ul", { "aria-label": name });
  const box = element("div", { class: "chips" }, shown, input);
  const read = () => area.value.split(/[\n,;]/).map((line) => line.trim()).filter(Boolean);
  const write = (values) => {
    area.value = [...new Set(values)].join("\n");
    draw();
  };
  const draw = () => {
    shown.replaceChildren(...read().map((value) => {
      const remove = element("button", { type: "button", "aria-label": `${text("textRemove")} ${value}` }, "×");
      remove.addEventListener("click", () => {
        write(read().filter((one) => one !== value));
        input.focus();
      });
      return element("li", {}, value, remove);
    }));
    shown.hidden = read().length === 0;
  };
  const typed = () => input.value.split(/[\n,;]/).map((line) => line.trim()).filter(Boolean);
  const take = () => {
    if (!typed().length) return;
    write([...read(), ...typed()]);
    input.value = "";
  };
  area.hidden = true;
  // An empty list is told by the server, which knows what it is for.
  area.required = false;
  area.before(box);
  const label = area.closest("label");
  if (label) label.htmlFor = input.id = `chips-${++lists}`;
  const list = "chips" in area.dataset && area.dataset.chips ? suggestFor(input, area.dataset.always?.split(",")) : null;
  input.addEventListener("input", (fired) => {
    const chosen = !fired.inputType || fired.inputType === "insertReplacementText";
    const offered = chosen && [...(list?.options ?? [])].some((option) => option.value === input.value);
    if (offered || /[,;\n]/.test(input.value)) take();
  });
  input.addEventListener("keydown", (fired) => {
    if (fired.key === "Enter" && input.value.trim()) {
      fired.preventDefault();
      take();
    } else if (fired.key === "Backspace" && !input.value) write(read().slice(0, -1));
  });
  // Not at once: what is being clicked on must not move away meanwhile.
  input.addEventListener("blur", () => setTimeout(take, 250));
  // What is typed and is no chip yet is sent as well.
  input.form?.addEventListener("formdata", ({ formData }) => formData.set(area.name, [...read(), ...typed()].join("\n")));
  draw();
}

/** What a policy would have done is shown below it, without leaving the page. */
export function preview() {
  const button = document.querySelector("[data-preview-button]");
  button?.addEventListener("click", async (fired) => {
    fired.preventDefault();
    const here = document.querySelector("[data-preview]");
    const wait = element("p", { class: "note", role: "status" }, element("progress"), " ", here.dataset.wait);
    here.replaceChildren(wait);
    button.disabled = true;
    const form = button.form;
    form.parentElement.querySelector(".note.bad")?.remove();
    try {
      const body = new URLSearchParams(new FormData(form));
      const found = await page(button.formAction, { method: "POST", body, headers: csrf() });
      if (!found) return location.reload();
      const wrong = found.querySelector("#problem");
      const fresh = found.querySelector("[data-preview]");
      here.replaceChildren();
      if (wrong || !fresh) problem(form, (wrong ?? found.querySelector("main"))?.textContent.trim() ?? text("textFailed"));
      else {
        localTimes(fresh);
        here.replaceChildren(...fresh.childNodes);
        here.querySelector("h2")?.focus();
      }
    } catch {
      here.replaceChildren();
      problem(form, text("textFailed"));
    } finally {
      button.disabled = false;
    }
  });
}

/** Rows are put in another order by dragging them, or by buttons that keep the focus. */
export function reorder() {
  const list = () => document.querySelector("[data-list]");
  if (!list()?.querySelector("[data-reorder]")) return;
  const move = async (address, to) => {
    const answer = await fetch(address, { method: "POST", body: new URLSearchParams({ to }), headers: csrf() });
    if (!answer.ok) return location.reload();
    await refresh(location.href, "[data-list]");
    ready();
  };
  const ready = () => {
    for (const handle of list().querySelectorAll(".handle")) handle.hidden = false;
  };
  const rowOf = (node) => node.closest?.("tr[data-priority]");
  let dragged;
  const over = (row) => {
    for (const one of list().querySelectorAll("tr.over")) one.classList.remove("over");
    row?.classList.add("over");
  };
  ready();
  document.addEventListener("pointerdown", (fired) => {
    if (fired.target.closest?.(".handle")) rowOf(fired.target).draggable = true;
  });
  document.addEventListener("dragstart", (fired) => {
    // Not a link or words that happen to be in a row.
    dragged = fired.target.matches?.("tr[draggable=true]") ? fired.target : undefined;
    if (dragged) fired.dataTransfer.effectAllowed = "move";
  });
  document.addEventListener("dragover", (fired) => {
    const row = rowOf(fired.target);
    if (!dragged || !row) return;
    fired.preventDefault();
    over(row);
  });
  document.addEventListener("drop", (fired) => {
    const row = rowOf(fired.target);
    if (!dragged || !row || row === dragged) return;
    fired.preventDefault();
    move(dragged.dataset.move, row.dataset.priority);
  });
  document.addEventListener("pointerup", (fired) => rowOf(fired.target)?.removeAttribute("draggable"));
  document.addEventListener("dragend", () => {
    if (dragged) dragged.draggable = false;
    dragged = undefined;
    over();
  });
  document.addEventListener("submit", async (fired) => {
    const { target: form, submitter } = fired;
    if (!form.closest("[data-reorder]")) return;
    fired.preventDefault();
    const name = submitter.getAttribute("aria-label");
    await move(form.action, submitter.value);
    // At an end of the list there is only the way back.
    const row = [...list().querySelectorAll("tr")].find((one) => one.dataset.move === new URL(form.action).pathname);
    const same = list().querySelector(`button[aria-label="${CSS.escape(name)}"]`);
    (same ?? row?.querySelector("button"))?.focus();
  });
}
