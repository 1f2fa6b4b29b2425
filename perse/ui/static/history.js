// The looks of this visit, the newest first, as small pictures drawn in this browser: one press goes back to any of them.
(() => {
  const { h } = perse;
  const KEY = "perse-history", MOST = 16;
  const SETTLES = 1200; // milliseconds without a change after which a look counts
  const SEEN = ["yaw", "pitch", "roll", "zoom"]; // where one looks from is no look
  const find = (id) => document.getElementById(id);

  // Numbers of sliders; a reload keeps them as it keeps the visit, and they end with the tab.
  const storage = {
    get() { try { return JSON.parse(sessionStorage.getItem(KEY)) ?? {}; } catch { return {}; } },
    set(value) { try { sessionStorage.setItem(KEY, JSON.stringify(value)); } catch { /* a frame of another origin: until the next reload, then */ } },
  };
  const plain = () => Object.fromEntries(Object.entries(perse.look.value).filter(([name]) => !SEEN.includes(name)));

  const history = {
    looks: [], // JSON, the oldest first
    pictures: new Map(), // by look: URL, or a promise of one

    build() {
      for (const url of this.pictures.values()) Promise.resolve(url).then((u) => u && URL.revokeObjectURL(u));
      this.pictures.clear();
      const { token, looks } = storage.get();
      this.looks = token === perse.token && Array.isArray(looks) ? looks.filter((look) => typeof look === "string").slice(-MOST) : [];
      this.add();
    },

    // What is worn now becomes the newest, if it is new.
    add() {
      if (!perse.token || perse.look.value.detail?.length) return;
      const look = JSON.stringify(plain());
      if (this.looks.includes(look)) return this.draw(); // it stays where it is: nothing moves under a finger
      this.looks = [...this.looks, look].slice(-MOST);
      for (const gone of [...this.pictures.keys()].filter((known) => !this.looks.includes(known))) {
        Promise.resolve(this.pictures.get(gone)).then((url) => url && URL.revokeObjectURL(url));
        this.pictures.delete(gone);
      }
      storage.set({ token: perse.token, looks: this.looks });
      this.draw();
    },

    // In words, for who does not see the picture: styles, or how much else is set.
    words(look) {
      const { styles, attributes, expression } = JSON.parse(look), { categories } = perse.info;
      const worn = Object.entries(styles ?? {}).flatMap(([c, names]) => Object.keys(names).map((s) => `${categories[c]?.label}: ${categories[c]?.styles[s]?.label}`));
      const set = Object.keys(attributes ?? {}).length + Object.keys(expression ?? {}).length;
      return [...worn, ...(set ? [set === 1 ? "1 slider" : `${set} sliders`] : [])].join(", ") || "As in the photo";
    },

    draw() {
      find("perse-earlier").hidden = this.looks.length < 2;
      find("perse-history").replaceChildren(...[...this.looks].reverse().map((look) => {
        const thumb = h("span", { class: "perse-thumb" }), words = this.words(look);
        const tile = h("button", { type: "button", class: "perse-tile", "aria-label": words, title: words, "aria-pressed": String(look === JSON.stringify(plain())) }, thumb);
        tile.onclick = () => perse.look.replace({ ...perse.look.value, ...JSON.parse(look) });
        this.picture(look, thumb);
        return tile;
      }));
    },

    // Drawn once, when the tile is there and the head is drawn here; else the tile says in words what it is.
    async picture(look, thumb) {
      const { token } = perse;
      if (!this.pictures.has(look)) this.pictures.set(look, perse.thumbs.strip([{ ...JSON.parse(look), zoom: 1.15 }]));
      const url = await this.pictures.get(look);
      if (token !== perse.token) return;
      if (url) thumb.style.backgroundImage = `url(${url})`;
      else if (this.pictures.delete(look)) thumb.textContent = this.words(look);
      thumb.style.backgroundSize = "100% 100%";
    },
  };
  perse.history = history;
  perse.look.listeners.push(() => {
    clearTimeout(history.soon);
    if (perse.token) history.soon = setTimeout(() => history.add(), SETTLES);
  });
})();
