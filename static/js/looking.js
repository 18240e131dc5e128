/** Is somebody looking at the newest message? Then it is read. */

import { isAtBottom } from "./scroll.js";

export const isLooking = () =>
  document.visibilityState === "visible" && document.hasFocus() && isAtBottom();
