/** localStorage for the signed-in person. If it fails, nothing is found or stored. */

import { me } from "./dom.js";
import { Store } from "./logic/store.js";

export const store = new Store(
  () => localStorage,
  () => me.id,
);
export const { load, save, names } = store;

/** Called when another tab changed something under `prefix`. */
export function onOtherTab(prefix, fn) {
  addEventListener("storage", ({ key }) => {
    if (store.concerns(key, prefix)) fn();
  });
}
