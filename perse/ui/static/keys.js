// Keyframes: looks that the visitor keeps as A, B and more, each at its second of the video.
(() => {
  const { h } = perse;
  const find = (id) => document.getElementById(id);
  const STEP = 2; // seconds from one look to the next that is added
  const keys = {
    looks: [], // {look, easing, name}, in the order of the video
    times: [], // seconds, one a look: they stay in place when looks change places

    build() {
      Object.assign(this, { looks: [], times: [] });
      find("perse-keys-add").onclick = () => this.add();
      this.draw();
    },

    add() {
      if (this.looks.length === perse.settings.most_keys) return;
      const used = this.looks.map((key) => key.name);
      const name = Array.from({ length: perse.settings.most_keys }, (_, i) => String.fromCharCode(65 + (i % 26)) + (i < 26 ? "" : Math.floor(i / 26)))
        .find((letter) => !used.includes(letter));
      this.looks.push({ look: JSON.parse(perse.look.json()), easing: perse.settings.easings[0], name });
      this.times.push(this.times.length ? this.times[this.times.length - 1] + STEP : 0);
      this.draw();
    },

    remove(index) { this.looks.splice(index, 1); this.times.splice(Math.max(index, 1), 1); this.draw(); },

    move(from, to) {
      if (from === to || to < 0 || to >= this.looks.length) return;
      this.looks.splice(to, 0, ...this.looks.splice(from, 1));
      this.draw();
    },

    // A time lies between those beside it, whatever was typed.
    at(index, seconds) {
      const low = this.times[index - 1] + 0.1, high = (this.times[index + 1] ?? Infinity) - 0.1;
      this.times[index] = Math.round(Math.min(Math.max(Number(seconds) || 0, low), high) * 100) / 100;
      this.draw();
    },

    // What the server is told: nothing with fewer than two looks.
    wanted() {
      if (this.looks.length < 2) return ["", false];
      const list = this.looks.map(({ look, easing }, i) => ({ seconds: this.times[i], look, easing }));
      return [JSON.stringify(list), find("perse-keys-alone").checked];
    },

    draw() {
      find("perse-keys-note").textContent = this.looks.length < 2
        ? "Keep two looks or more: the video goes from one to the next, at the seconds you say."
        : "In the video these looks take the place of the one you see. Drag them to change their order.";
      find("perse-keys").replaceChildren(...this.looks.map((key, i) => this.row(key, i)));
    },

    row(key, i) {
      const time = h("input", { type: "number", min: "0", step: "0.5", "aria-label": `Second of look ${key.name}` });
      Object.assign(time, { value: this.times[i], disabled: i === 0, onchange: () => this.at(i, time.value) });
      const easing = h("select", { "aria-label": `Way to look ${key.name}` }, ...perse.settings.easings.map((name) => h("option", {}, name)));
      Object.assign(easing, { value: key.easing, disabled: i === 0, onchange: () => { key.easing = easing.value; } });
      const button = (text, label, act) => {
        const made = h("button", { type: "button", class: "perse-button perse-small", "aria-label": label, title: label }, text);
        made.onclick = act;
        return made;
      };
      const row = h("li", { draggable: "true" },
        h("b", {}, key.name), time, "s", h("span", { class: "perse-select" }, easing),
        button("Show", `Show look ${key.name}`, () => perse.look.replace(key.look)),
        button("↑", `Look ${key.name} earlier`, () => this.move(i, i - 1)),
        button("↓", `Look ${key.name} later`, () => this.move(i, i + 1)),
        button("✕", `Remove look ${key.name}`, () => this.remove(i)));
      row.ondragstart = (e) => { e.dataTransfer.setData("text/plain", String(i)); e.dataTransfer.effectAllowed = "move"; };
      row.ondragover = (e) => { e.preventDefault(); row.classList.add("over"); };
      row.ondragleave = () => row.classList.remove("over");
      row.ondrop = (e) => { e.preventDefault(); this.move(Number(e.dataTransfer.getData("text/plain")), i); };
      return row;
    },
  };
  perse.keys = keys;
})();
