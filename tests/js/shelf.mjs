// A storage as browsers have it, with a limit: the entries are its own properties.

export class Shelf {
  #most;

  constructor(most = Infinity) {
    this.#most = most;
  }

  getItem(name) {
    return Object.hasOwn(this, name) ? this[name] : null;
  }

  setItem(name, text) {
    if (!Object.hasOwn(this, name) && Object.keys(this).length >= this.#most) {
      throw new Error("QuotaExceededError");
    }
    this[name] = String(text);
  }

  removeItem(name) {
    delete this[name];
  }
}
