/** What every module needs from the page: look-ups, safe building, who is reading. */

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** Who is reading: nobody (an empty id) until `find` has looked, and on the pages of strangers. */
export const me = { id: "", nickname: "", role: "", isModerator: false };

export function find() {
  const { userId = "", nickname = "", role = "" } = document.body.dataset;
  const isModerator = ["moderator", "admin", "owner"].includes(role);
  Object.assign(me, { id: userId, nickname, role, isModerator });
}

export const csrfToken = () => $('meta[name="csrf-token"]')?.content || "";

/** Build an element; text always goes in as text. */
export function el(tag, { class: className, text, data, ...attributes } = {}, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  Object.assign(node.dataset, data);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/**
 * The one place where HTML becomes nodes. Only HTML that the server rendered and sanitised may
 * come here. A parsed document is inert: no script runs and no handler attribute is bound.
 */
export const documentOf = (html) => new DOMParser().parseFromString(html, "text/html");

export function fragmentOf(html) {
  const fragment = document.createDocumentFragment();
  fragment.append(...documentOf(html).body.childNodes);
  return document.adoptNode(fragment);
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `/static/vendor/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** Run `fn` once things have been quiet for `ms`. */
export function debounce(fn, ms) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => fn(...args), ms);
  };
}

/** A version 4 UUID; `crypto.randomUUID` exists only in secure contexts, and http is allowed. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Half to one and a half times `ms`, so that many browsers never come back at one instant. */
export const jittered = (ms) => ms * (0.5 + Math.random());

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
