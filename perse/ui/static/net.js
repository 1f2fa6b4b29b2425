// The page's side of the direct routes. `perse.token` is the only key to the visitor's avatar; `perse.settings` holds Python's numbers.
Object.assign(window.perse, {
  token: "",
  info: null,
  stay: new AbortController(), // ends whatever is still being asked about the avatar when the visitor leaves it

  url(path, query = {}) {
    const base = location.pathname.replace(/\/+$/, "");
    const search = new URLSearchParams(query).toString();
    return `${base}/perse/${path}${search ? "?" + search : ""}`;
  },

  // A Response, or an Error whose message may be shown to the visitor; it is empty where the visitor has left what was asked about.
  async ask(path, query = {}, body = null, headers = {}) {
    const signal = this.token && path.includes(this.token) ? this.stay.signal : null;
    let answer;
    try {
      answer = await fetch(this.url(path, query), { signal, ...(body === null ? { headers } : { method: "POST", body, headers }) });
    } catch {
      if (signal?.aborted) throw new Error("");
      throw new Error("The server cannot be reached: please check your connection.");
    }
    if (answer.ok && answer.status !== 202) return answer; // accepted, but there is nothing yet
    let told = {};
    try { told = await answer.json(); } catch { /* not JSON: keep the general sentence */ }
    const error = new Error(told.error || "Something went wrong on the server.");
    error.status = answer.status;
    error.warming = told.warming; // seconds until pictures can be rendered, if that is the reason
    throw error;
  },

  // Nothing more is asked about the avatar.
  part() {
    this.token = "";
    this.stay.abort();
    this.stay = new AbortController();
  },

  // The same for what can wait: asks again until pictures can be rendered.
  async later(path, query, body, headers) {
    for (;;) {
      try {
        return await this.ask(path, query, body, headers);
      } catch (error) {
        if (error.warming === undefined) throw error;
        await new Promise((done) => setTimeout(done, 1000));
      }
    }
  },

  // Whoever wants no motion gets none that nobody asked for.
  calm: () => matchMedia("(prefers-reduced-motion: reduce)").matches,

  // A place for what is said to everybody ("perse-toast"), or to who does not see the page ("perse-told"). A reader hears what changes in it.
  place(id, role) {
    let box = document.getElementById(id);
    if (!box) document.body.append(box = this.h("div", { id, role }));
    return box;
  },

  tell(text) { this.place("perse-told", "status").textContent = text; },

  toast(text) {
    if (!text) return;
    const box = this.place("perse-toast", "alert");
    box.textContent = text;
    box.classList.add("shown");
    clearTimeout(this.toasted);
    this.toasted = setTimeout(() => box.classList.remove("shown"), 6000);
  },

  // h("button", {class: "x", onclick: f}, "text", child)
  h(tag, props = {}, ...children) {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(props)) {
      if (key.startsWith("on")) element[key] = value;
      else if (key.startsWith("aria-")) { if (value !== null) element.setAttribute(key, String(value)); } // there "" is no "true"
      else if (value !== false && value !== null) element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  },

  // What a download is called: person, what it is, look, date and time, as `perse/ui/file_names.py` has it.
  fileName(what, ending) {
    const worn = Object.values(this.look.value.styles).flatMap((styles) => Object.entries(styles).filter(([, amount]) => amount).map(([name]) => name.replace(/_/g, "-")));
    const now = new Date(), two = (x) => String(x).padStart(2, "0");
    const date = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
    return `${[this.info.name, what, ...worn.slice(0, 3), date].join("-")}.${ending}`;
  },

  // The tab to which a key goes from another: to its neighbour around the row, the first or the last; none by other keys.
  neighbour(tabs, tab, key) {
    const on = document.documentElement.dir === "rtl" ? -1 : 1; // where a row is read from right to left
    const at = { ArrowRight: tabs.indexOf(tab) + on, ArrowLeft: tabs.indexOf(tab) - on, Home: 0, End: -1 }[key];
    return at === undefined ? null : tabs[(at + tabs.length) % tabs.length];
  },

  words(name) {
    const text = name.replace(/_/g, " ");
    return text[0].toUpperCase() + text.slice(1);
  },

  async fetchFile(path, name) {
    try {
      this.download(await (await this.ask(path)).blob(), name);
    } catch (error) {
      this.toast(error.message);
    }
  },

  download(blob, name) {
    const link = this.h("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  },
});
