/** Sends a form once, even if its button is pressed again while the request is in progress. */

const AGAIN_MS = 10_000; // whoever stopped the page from loading may send the form again

const isSent = (form) => Number(form.dataset.sent) > Date.now() - AGAIN_MS;

export function start() {
  // Listens at the document, so it runs after the form's own listeners.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (isSent(form)) event.preventDefault();
    else form.dataset.sent = Date.now();
  });
  // "Back" restores the page in its last state.
  addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });
}
