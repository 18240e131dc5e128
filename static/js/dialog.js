/** Dialogs: the browser's own <dialog>, which traps and returns the focus by itself. */

import { $, $$, el, icon } from "./dom.js";
import { t } from "./i18n.js";

/** Ask once; resolves to true only when the action's button was pressed. */
export function confirmed({ title, text, action }) {
  const go = el("button", { class: "button danger", value: "yes", text: action });
  const dialog = el(
    "dialog",
    { class: "dialog confirm", "aria-label": title },
    el(
      "form",
      { method: "dialog" },
      el("h2", { text: title }),
      el("p", { text }),
      el(
        "div",
        { class: "dialog-actions" },
        el("button", { class: "button", value: "no", text: t("cancel") }),
        go,
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  go.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

/** Put a heading with a close button on top of one of the page's empty dialogs. */
export function heading(title) {
  const close = el(
    "button",
    { class: "icon-button", value: "close", type: "submit" },
    icon("x"),
    el("span", { class: "visually-hidden", text: t("close") }),
  );
  return el("form", { class: "dialog-header", method: "dialog" }, el("h2", { text: title }), close);
}

export const isOpen = () => Boolean($("dialog[open]"));

export function start() {
  for (const dialog of $$("dialog")) {
    // A press on the backdrop has the dialog itself as its target.
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }
}
