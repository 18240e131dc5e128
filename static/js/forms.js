/** A form is sent once, however often its button is pressed while the answer is on its way. */

const AGAIN_MS = 10_000; // whoever stopped the page from loading may send the form again

const isSent = (form) => Number(form.dataset.sent) > Date.now() - AGAIN_MS;

export function start() {
  // At the document, after whatever the form's own script has made of it.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (isSent(form)) event.preventDefault();
    else form.dataset.sent = Date.now();
  });
  // "Back" shows the page as it was left.
  addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });
}
