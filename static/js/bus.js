/** Modules tell each other what happened without importing each other. */

const target = new EventTarget();

export function tell(name, detail) {
  target.dispatchEvent(new CustomEvent(name, { detail }));
}

/** Until `signal` aborts, if one is given. */
export function when(name, fn, signal) {
  target.addEventListener(name, (event) => fn(event.detail), { signal });
}
