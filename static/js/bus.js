/** Modules tell each other what happened without importing each other. */

const target = new EventTarget();

export function tell(name, detail) {
  target.dispatchEvent(new CustomEvent(name, { detail }));
}

export function when(name, fn) {
  target.addEventListener(name, (event) => fn(event.detail));
}
