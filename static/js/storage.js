/** localStorage that may be full, blocked or absent: reading then finds nothing, writing says so. */

import { me } from "./dom.js";

// Everything is kept under the person's id: another person on the same browser never sees it, and
// logging out throws nothing away.
const own = (name) => `chat:${me.id}:${name}`;

export function load(name, fallback = null) {
  try {
    const text = localStorage.getItem(own(name));
    return text === null ? fallback : JSON.parse(text);
  } catch {
    return fallback;
  }
}

export function save(name, value) {
  try {
    if (value === null || value === "") localStorage.removeItem(own(name));
    else localStorage.setItem(own(name), JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

/** Names (without the person's part) that start with `prefix`. */
export function names(prefix) {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(own(prefix)))
      .map((key) => key.slice(own("").length));
  } catch {
    return [];
  }
}

/** Called when another tab changed something under `prefix`. */
export function onOtherTab(prefix, fn) {
  addEventListener("storage", (event) => {
    if (event.key === null || event.key.startsWith(own(prefix))) fn();
  });
}
