// The page in the visitor's language. All that comes onto the page comes by here: texts and what is told of elements are English in the code
// and in what the server says, and are put in the visitor's words as they appear, whoever wrote them there.
(() => {
  const KEY = "perse-language", SOURCE = "en", WITHIN = " › ";
  const TOLD = ["title", "aria-label", "placeholder", "alt"];
  const OWN = "script, style, textarea, template, [translate=no]"; // what is nobody's to translate
  const LETTER = /\p{L}/u, MOST = 4000; // texts whose translation is remembered
  const came = new WeakMap(); // node -> {name of an attribute, or "": {source, shown}}
  const put = new WeakMap(); // element -> the text that `put` gave it

  const language = {
    code: SOURCE,
    table: new Map(),
    patterns: [], // of keys with {places}: {form, names, words}, those that say most by themselves first
    known: new Map(),

    // A text in the visitor's language, itself where there is no other. within: the category that it belongs to.
    of(text, within = "") {
      const trimmed = text.trim();
      if (!this.table.size || !LETTER.test(trimmed)) return text;
      const key = `${within}${WITHIN}${trimmed}`;
      let told = this.known.get(key);
      if (told === undefined) {
        told = this.found(trimmed, within) ?? trimmed;
        if (this.known.size > MOST) this.known.clear();
        this.known.set(key, told);
      }
      return text.replace(trimmed, () => told);
    },

    found(text, within) {
      const { table } = this, large = text[0].toUpperCase() + text.slice(1);
      const known = table.get(within + WITHIN + text) ?? table.get(text) ?? table.get(large);
      if (known !== undefined) return known;
      // A style of its category, and several things in a row.
      const [head, tail, more] = text.split(": "), parts = text.split(", ");
      if (tail && !more && table.has(head) && (table.has(head + WITHIN + tail) || table.has(tail))) return `${table.get(head)}: ${this.of(tail, head)}`;
      if (parts.length > 1 && parts.every((part) => this.found(part, within))) return parts.map((part) => this.of(part, within)).join(", ");
      for (const { form, names, words: told } of this.patterns) {
        const match = form.exec(text);
        if (match) return told.replace(/\{(\w+)\}/g, (_, name) => this.of(match[1 + names.indexOf(name)], within));
      }
      const whole = text.endsWith(" …") ? this.found(text.slice(0, -2), within) : undefined;
      return whole && `${whole} …`;
    },

    // A text that may be told many times over is written once.
    put(element, text) {
      if (!element || put.get(element) === text) return;
      put.set(element, text);
      element.textContent = text;
    },

    // What an attribute said as it came.
    source(node, name) {
      const now = node.getAttribute(name), before = came.get(node)?.[name];
      return before && before.shown === now ? before.source : now;
    },

    // A node's text or attribute as it came, put in words; `now` is what stands there.
    shown(node, name, now, within) {
      const all = came.get(node) ?? {}, before = all[name];
      const source = before && before.shown === now ? before.source : now;
      const shown = this.of(source, within());
      if (shown !== source || before) came.set(node, { ...all, [name]: { source, shown } });
      return shown;
    },

    node(node) {
      const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
      if (!element || element.closest(OWN)) return;
      const within = () => element.closest("[data-words]")?.dataset.words ?? "";
      if (node !== element) {
        const shown = this.shown(node, "", node.data, within);
        if (shown !== node.data) node.data = shown;
        return;
      }
      for (const name of TOLD) {
        const now = node.getAttribute(name);
        if (!now) continue;
        const shown = this.shown(node, name, now, within);
        if (shown !== now) node.setAttribute(name, shown);
      }
    },

    whole(root) {
      this.node(root);
      const walk = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
      while (walk.nextNode()) this.node(walk.currentNode);
    },

    async use(code) {
      let told = { direction: "ltr", words: {} };
      if (code !== SOURCE) {
        try { told = await (await perse.ask(`words/${code}`)).json(); } catch { return; } // English, then
      }
      const said = (key) => key.replace(/\{\w+\}/g, "").length + !key.startsWith("{") / 2;
      const form = (key) => new RegExp(`^${key.split(/\{\w+\}/).map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("(.+?)")}$`, "u");
      const all = Object.entries(told.words);
      this.code = code;
      this.table = new Map(all);
      this.known.clear();
      this.patterns = all.filter(([key]) => key.includes("{")).sort(([a], [b]) => said(b) - said(a))
        .map(([key, translated]) => ({ form: form(key), names: [...key.matchAll(/\{(\w+)\}/g)].map(([, name]) => name), words: translated }));
      document.documentElement.lang = code;
      document.documentElement.dir = told.direction;
      if (document.body) this.whole(document.body);
      const choice = document.getElementById("perse-language");
      if (choice) choice.value = code;
    },

    // What was chosen here last, or the first that the browser asks for and that there is.
    wanted() {
      const { languages } = perse.settings, has = (code) => Object.hasOwn(languages, code);
      let kept = null;
      try { kept = localStorage.getItem(KEY); } catch { /* as the browser has it, then */ }
      return [kept, ...navigator.languages].map((code) => code?.split("-")[0]).find((code) => code && has(code)) ?? SOURCE;
    },

    // The list to choose from, where the header has its place.
    offer() {
      const place = document.getElementById("perse-language");
      if (!place || place.options.length) return;
      for (const [code, name] of Object.entries(perse.settings.languages)) place.append(perse.h("option", { value: code, lang: code, translate: "no" }, name));
      place.value = this.code;
    },
  };
  perse.language = language;

  new MutationObserver((changes) => {
    language.offer();
    if (language.code === SOURCE) return;
    for (const { type, target, addedNodes } of changes) {
      for (const node of type === "childList" ? addedNodes : [target]) {
        if (type === "childList" && node.nodeType === Node.ELEMENT_NODE) language.whole(node);
        else if (node.nodeType !== Node.COMMENT_NODE) language.node(node);
      }
    }
  }).observe(document, { subtree: true, childList: true, characterData: true, attributeFilter: TOLD });
  document.addEventListener("change", (e) => {
    if (e.target.id !== "perse-language") return;
    try { localStorage.setItem(KEY, e.target.value); } catch { /* then for this visit */ }
    language.use(e.target.value);
  });
  const wanted = language.wanted();
  document.documentElement.lang = SOURCE;
  if (wanted !== SOURCE) language.use(wanted);
})();
