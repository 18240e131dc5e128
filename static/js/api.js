/** JSON over HTTP: sends the CSRF token with every change, turns problem+json into one error class. */

import { csrfToken } from "./dom.js";
import { t } from "./i18n.js";
import { ApiError } from "./logic/errors.js";

const ME = "/api/me"; // who this browser is signed in as: asked whatever the answer may be

let isHalted = false;

/** Refuse requests while this browser is signed in to another account than that of the page. */
export function halt(yes) {
  isHalted = yes;
}

async function call(method, path, body) {
  if (isHalted && path !== ME) throw new ApiError(0, t("error_network"));
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(15_000),
    });
  } catch {
    throw new ApiError(0, t("error_network"));
  }
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new ApiError(response.status, answer.detail || answer.title || t("error_generic"), answer);
}

export const whoAmI = () => call("GET", ME);
export const get = (path) => call("GET", path);
export const post = (path, body = {}) => call("POST", path, body);
export const patch = (path, body) => call("PATCH", path, body);
export const remove = (path) => call("DELETE", path);
