// The visit: its secret, and what the server says it is. The page shows that and nothing else, so no two events can disagree.
(() => {
  const KEY = "perse-visit";
  const find = (id) => document.getElementById(id);
  // In a frame of another origin a browser may refuse storage: then the entry in the history holds it, which a reload keeps, too.
  const storage = {
    get() { try { return sessionStorage.getItem(KEY) ?? ""; } catch { return history.state?.[KEY] ?? ""; } },
    set(value) {
      try { sessionStorage.setItem(KEY, value); } catch { history.replaceState({ ...history.state, [KEY]: value }, ""); }
    },
  };
  const { ask_busy: BUSY, ask_quiet: QUIET } = perse.settings; // seconds between questions: while something is made, and as a sign of life
  const page = Math.random().toString(36).slice(2); // a copied tab has the same secret and is another page

  const visit = {
    ended: false, // by the visitor, who deleted everything
    opened: "", // the avatar that was opened last
    saved: "", // the table that was saved last
    noticed: 0,
    shown: {}, // key of each piece as it is shown
    timer: 0,
    pressed: -Infinity, // when an example was pressed of which the server has not heard yet
    touched: -Infinity, // when the box of consent was used last
    asking: null,

    // The secret, from the server if there is none yet. A reload goes on with the one it had.
    secret() {
      this.promised ??= (async () => {
        for (let wait = 500; ; wait = Math.min(2 * wait, 8000)) {
          try {
            const answer = await perse.ask("visit", {}, storage.get());
            const { visit: secret } = await answer.json();
            storage.set(secret);
            return secret;
          } catch (error) {
            perse.toast(error.message);
            await new Promise((done) => setTimeout(done, wait));
          }
        }
      })();
      return this.promised;
    },

    // Ask what is so, show it, and ask again in time. Asked while an answer is on its way, it asks once more after that.
    async ask() {
      if (this.ended) return false;
      if (this.asking) { this.again = true; return this.asking; }
      clearTimeout(this.timer);
      this.asking = this.answer();
      const busy = await this.asking;
      this.asking = null;
      if (this.again) { this.again = false; return this.ask(); }
      this.timer = setTimeout(() => this.ask(), 1000 * (busy ? BUSY : QUIET));
      return busy;
    },

    // Whether something is under way.
    async answer() {
      const secret = await this.secret();
      try {
        const answer = await perse.ask("state", { page, ...this.shown }, null, { "X-Perse-Visit": secret });
        const state = await answer.json();
        this.show(state);
        return state.busy;
      } catch (error) {
        if (this.ended) return false;
        if (error.status !== 404) return true; // no connection: try again soon
        this.promised = null; // the next secret comes with the sentence that says so
        this.known = false;
        this.shown = {};
        perse.leave();
        return true;
      }
    },

    show(state) {
      this.known = true;
      const pressing = performance.now() - this.pressed < 10000;
      for (const [name, { key, html }] of Object.entries(state.pieces)) {
        if ((pressing && name === "found") || perse.own.sends(name)) continue;
        const place = find(`perse-${name}`);
        if (!place) continue; // not there yet: it comes with the next answer
        if (html !== undefined) place.innerHTML = html;
        this.shown[name] = key;
      }
      perse.own.told(state);
      for (const [name, doing] of Object.entries(state.doing)) if ((!pressing || name !== "found") && !perse.own.sends(name)) perse.clock.told(name, doing);
      const go = find("perse-build");
      go.disabled = !state.button.ready;
      perse.language.put(go, state.button.label);
      // The box follows the server where nobody has just touched it: after a reload, or if a copied tab was used.
      const box = document.querySelector("#perse-consent input");
      this.agreed = state.agreed;
      if (box && box.checked !== state.agreed && performance.now() - this.touched > 3000) find("perse-tick").click();
      for (const { id, text } of state.notices) if (id > this.noticed) { this.noticed = id; perse.toast(text); }
      if (state.table && state.table.token !== this.saved) {
        this.saved = state.table.token;
        perse.fetchFile(`file/${state.table.token}`, state.table.name);
      }
      if (state.building && document.body.dataset.view === "photo") perse.view("build");
      if (!state.building && document.body.dataset.view === "build") perse.view("photo");
      if (state.avatar && state.avatar !== this.opened) {
        this.opened = state.avatar;
        perse.open(state.avatar);
      }
    },

    // Another face of the photo.
    async take(face) {
      try {
        await perse.ask("face", {}, face, { "X-Perse-Visit": await this.secret() });
      } catch (error) {
        perse.toast(error.message);
      }
      this.ask();
    },

    async end() {
      this.ended = true;
      perse.part();
      perse.live.close();
      try {
        await perse.ask("end", {}, "", { "X-Perse-Visit": await this.secret() });
      } catch (error) {
        if (error.status !== 404) {
          Object.assign(this, { ended: false, opened: "" }); // the avatar is still there
          this.ask();
          return perse.toast(error.message);
        }
      }
      storage.set("");
      try { sessionStorage.removeItem("perse-history"); } catch { /* it was never there */ }
      await perse.keep.forget().catch(() => {}); // everything: on this device, too
      location.reload();
    },
  };
  perse.visit = visit;

  // Every call of Gradio's own says whose it is: uploads, clicks, all of them, in this one place.
  const plain = window.fetch.bind(window);
  window.fetch = async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input, location.href);
    if (url.origin !== location.origin || !/\/gradio_api\/(upload|run|queue)/.test(url.pathname)) return plain(input, init);
    const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : undefined));
    headers.set("X-Perse-Visit", await visit.secret());
    return plain(input, { ...init, headers });
  };

  window.addEventListener("pagehide", () => {
    if (!visit.ended && storage.get()) navigator.sendBeacon(perse.url("leave"), `${storage.get()} ${page}`);
  });
  const back = () => { if (document.visibilityState !== "hidden") visit.ask(); };
  window.addEventListener("pageshow", (e) => { if (e.persisted) back(); });
  window.addEventListener("online", back);
  document.addEventListener("visibilitychange", back);
  document.addEventListener("click", (e) => {
    if (e.target.closest("#perse-end")) visit.end();
    const face = e.target.closest("[data-photo-face]");
    if (face) visit.take(face.dataset.photoFace);
    // An example is seen at once; what the server says of it comes a moment later.
    const tile = e.target.closest("[data-example]");
    const still = tile?.querySelector("template")?.innerHTML;
    if (!still) return;
    const place = find("perse-found");
    place.innerHTML = still;
    place.querySelector(".perse-still").style.setProperty("--under", `url(${tile.querySelector("img").src})`); // until that picture comes
    visit.pressed = performance.now();
    visit.shown.found = "";
    perse.clock.told("found", { share: null, text: perse.settings.opening, seconds: null, waiting: 0 });
    place.scrollIntoView({ block: "nearest", behavior: perse.calm() ? "auto" : "smooth" }); // on a phone it is below
  });
  document.addEventListener("input", (e) => { if (e.target.closest("#perse-consent")) visit.touched = performance.now(); }, true);
})();
