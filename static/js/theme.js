/** Applies a theme at once and saves it with the account, without a page load. */

import * as api from "./api.js";
import { $$ } from "./dom.js";
import { t } from "./i18n.js";
import { toast } from "./toast.js";

async function choose(theme) {
  const before = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = theme;
  try {
    await api.patch("/api/me", { theme });
    toast(t("saved"));
  } catch (error) {
    document.documentElement.dataset.theme = before;
    toast(error.message, "error");
  }
}

export function start() {
  for (const field of $$("[name=theme]"))
    field.addEventListener("change", () => choose(field.value));
}
