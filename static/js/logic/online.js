/**
 * Who is online, as far as this page knows. The server numbers its changes; this holds all up to
 * `upTo`. Each method says in an `Outcome` what the page has to do now.
 */

import { MODE_DEGRADED, MODE_NORMAL, PEOPLE_NAMED } from "../protocol.js";

/** What the page has to do: show these people anew, or everybody; ask for the whole list. */
class Outcome {
  people = [];
  isAll = false;
  isListChanged = false;
  ask = false; // "now", "soon", or false

  with(more) {
    return Object.assign(this, more);
  }
}

export class OnlineSet {
  #online;
  #early = new Map(); // changes whose predecessors are still on their way, by number
  #isTold = true; // the server knows of everybody, not only of those connected to its process

  /** So do we: whoever is not online is offline, not unknown. */
  isWhole = true;

  /** `upTo`: the number of the last change that these people show. */
  constructor(people = [], upTo = 0) {
    this.#online = new Set(people);
    this.upTo = upTo;
  }

  get people() {
    return [...this.#online];
  }

  /** A change has come whose predecessor has not. */
  get hasGap() {
    return this.#early.size > 0;
  }

  has = (id) => this.#online.has(id);

  /** "online", "offline" or "unknown". */
  stateOf(id) {
    if (this.has(id)) return "online";
    return this.isWhole ? "offline" : "unknown";
  }

  /** A `presence` event. */
  told(change) {
    if (change.greeting) return this.#greeted(change);
    const outcome = new Outcome();
    if (change.seq) {
      this.#early.set(change.seq, change);
      return this.#applyNext(outcome);
    }
    // A process without Redis counts nothing, and may know its own people only.
    if (change.known === false && this.#isTold) this.#forget(outcome);
    return this.#apply(change, outcome);
  }

  /** A `system` event: changes may have been lost, whether or not the mode is another one. */
  modeIs(mode) {
    const outcome = new Outcome();
    if (mode === MODE_DEGRADED && this.#isTold) this.#forget(outcome);
    if (mode !== MODE_NORMAL) return outcome;
    this.#isTold = true;
    return outcome.with({ ask: "soon" });
  }

  /** To be taken before the list is asked for: it holds whatever was announced by then. */
  asking() {
    return { reached: Math.max(this.upTo, ...this.#early.keys()), isTold: this.#isTold };
  }

  /** The whole list, as it was answered to what `asking` said. */
  listed(people, { reached, isTold }) {
    if (isTold !== this.#isTold) return new Outcome().with({ ask: "soon" }); // an answer of before
    this.#online = new Set(people);
    this.isWhole = this.#isTold;
    this.upTo = Math.max(this.upTo, reached);
    return this.#applyNext(new Outcome().with({ isAll: true, isListChanged: true }));
  }

  // The first word on a new connection: what changed since the number that we named.
  #greeted({ seq = 0, known, missed, ...change }) {
    const outcome = new Outcome();
    this.#isTold = known;
    if (!known) this.#forget(outcome);
    else if (!missed && seq > this.upTo) this.#apply(change, outcome);
    this.upTo = Math.max(this.upTo, seq || 0);
    if (missed || !this.isWhole) return outcome.with({ ask: "now" });
    return this.#applyNext(outcome.with({ isAll: true }));
  }

  // Nobody tells us of other processes' people any more: what was said of them may be over.
  #forget(outcome) {
    this.#isTold = this.isWhole = false;
    this.#online.clear();
    outcome.with({ isAll: true, isListChanged: true });
  }

  #apply({ online: came = [], offline: went = [] }, outcome) {
    for (const id of came) this.#online.add(id);
    for (const id of went) this.#online.delete(id);
    outcome.people.push(...came, ...went);
    return outcome.with({ isListChanged: true });
  }

  #applyNext(outcome) {
    for (const seq of this.#early.keys()) if (seq <= this.upTo) this.#early.delete(seq);
    while (this.#early.has(this.upTo + 1)) {
      this.upTo += 1;
      this.#apply(this.#early.get(this.upTo), outcome);
      this.#early.delete(this.upTo);
    }
    return outcome;
  }
}

/** The people whom the sidebar names, by name. `names`: those that are known, by id. */
export function peopleToName(people, names) {
  const known = people.filter((id) => names.has(id));
  known.sort((a, b) => names.get(a).localeCompare(names.get(b)));
  return known.slice(0, PEOPLE_NAMED);
}

/** Whether so many names are known that asking for the others can wait. */
export function hasNamesEnough(people, names) {
  const known = people.filter((id) => names.has(id)).length;
  return known >= Math.min(PEOPLE_NAMED / 2, people.length);
}
