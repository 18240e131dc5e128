/** Whether the reader sees the newest message; then it counts as read. */

import { isAtBottom } from "./scroll.js";

export const isLooking = () =>
  document.visibilityState === "visible" && document.hasFocus() && isAtBottom();
