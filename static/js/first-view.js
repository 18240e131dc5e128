/**
 * Where the list of messages begins, decided before it is painted for the first time: at the linked
 * message, where the reader was, where reading stopped, or at its end. A classic script in the head,
 * because a module runs only when people have already seen the page; scroll.js goes on from here.
 */

"use strict";

(() => {
  // A permalink names its message by the path (/m/12) or the fragment (#m12).
  function linkedRow() {
    const seq = /\/m\/(\d+)$/.exec(location.pathname)?.[1] || /^#m(\d+)$/.exec(location.hash)?.[1];
    return seq ? document.getElementById(`m${seq}`) : null;
  }

  // Kept by return.js when this page was left.
  function keptView(channel) {
    try {
      return JSON.parse(
        sessionStorage.getItem(`chat:${document.body.dataset.userId}:view:${channel}`),
      );
    } catch {
      return null;
    }
  }

  function toLinked(scroller, row) {
    row.classList.add("is-linked");
    row.classList.remove("is-continued"); // as separators.js has it
    row.scrollIntoView({ block: "center", behavior: "instant" });
  }

  function toKept(scroller, { row, top }) {
    const found = document.getElementById(row);
    if (found)
      scroller.scrollTop +=
        found.getBoundingClientRect().top - scroller.getBoundingClientRect().top - top;
  }

  function toUnread(scroller, line) {
    if (line.getBoundingClientRect().top >= scroller.getBoundingClientRect().top) return;
    line.scrollIntoView({ block: "start", behavior: "instant" }); // more is new than fits
  }

  function begin(scroller) {
    scroller.classList.add("is-steadied");
    scroller.scrollTop = scroller.scrollHeight;
    const linked = linkedRow();
    const kept = keptView(scroller.closest("main").dataset.channelId);
    const line = scroller.querySelector(".new-line");
    if (linked) toLinked(scroller, linked);
    else if (kept?.row) toKept(scroller, kept);
    else if (line) toUnread(scroller, line);
  }

  // The element stands at the end of the page: all that has a say in the height is there.
  customElements.define(
    "first-view",
    class extends HTMLElement {
      connectedCallback() {
        const scroller = document.getElementById("scroller");
        if (scroller) begin(scroller);
      }
    },
  );
})();
