/** Modules tell each other what happened without importing each other: by events of the document. */

const PREFIX = "chat:";

export function tell(name, detail) {
  document.dispatchEvent(new CustomEvent(PREFIX + name, { detail }));
}

/** Until `signal` aborts, if one is given. */
export function when(name, fn, signal) {
  document.addEventListener(PREFIX + name, (event) => fn(event.detail), { signal });
}
