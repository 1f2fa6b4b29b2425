// Sliders and style pickers, made from what `info` says of this avatar: one category at a time, never a wall.
(() => {
  const { h, words } = perse;
  const find = (id) => document.getElementById(id);
  const SETTLES = 800; // milliseconds after the last change
  const followers = []; // functions that make a control show the look's value

  // A labelled slider. get/set work on the look's value; double click or the round arrow resets it.
  function slider({ name, label, help, min, max, neutral = 0, step = 0.01, show = (v) => `${Math.round(100 * v)} %`, reason = false, get, set }) {
    const id = `perse-${name}`;
    help = reason || help;
    const input = h("input", { type: "range", id, min, max, step, title: help ?? false, disabled: !!reason });
    const value = h("output", { for: id });
    const reset = h("button", { type: "button", class: "perse-reset", "aria-label": `Reset ${label}`, title: "Reset" }, "×");
    const row = h("div", { class: reason ? "perse-slider limited" : "perse-slider" }, h("label", { for: id, title: help ?? false }, label), value, reset, input);
    const follow = () => {
      const now = get(perse.look.value) ?? neutral;
      if (document.activeElement !== input || Math.abs(Number(input.value) - now) > step) input.value = now;
      value.textContent = show(now);
      input.setAttribute("aria-valuetext", show(now));
      const where = (x) => `${(100 * (x - min)) / (max - min)}%`;
      input.style.setProperty("--from", where(Math.min(now, Math.max(min, neutral))));
      input.style.setProperty("--to", where(Math.max(now, Math.max(min, neutral))));
      row.classList.toggle("touched", Math.abs(now - neutral) > 1e-6);
    };
    input.oninput = () => { perse.look.edit((v) => set(v, Number(input.value))); follow(); };
    input.onchange = () => perse.look.commit();
    input.ondblclick = reset.onclick = () => { perse.look.edit((v) => set(v, neutral)); follow(); perse.look.commit(); };
    followers.push(follow);
    follow();
    return row;
  }

  // Whose side it is stands behind a comma; jaw and mouth go to a side.
  const sided = (text) => (/^(Jaw|Mouth) (left|right)$/.test(text) ? text : text.replace(/ (left|right)$/, ", $1"));
  const weight = (group) => (name) => ({
    get: (v) => v[group][name],
    set: (v, x) => { if (x) v[group][name] = x; else delete v[group][name]; },
  });
  const degrees = (name, label, flip = 1) => {
    const [low, high] = perse.settings.camera[name] ?? perse.settings.ranges[name];
    const end = Math.min(-low, high);
    return slider({ name, label, min: -end, max: end, step: 0.5, show: (v) => `${Math.round(v)}°`,
      get: (v) => flip * v[name], set: (v, x) => { v[name] = flip * x || 0; } });
  };

  function showCategory(name) {
    const category = perse.info.categories[name];
    followers.length = Math.min(followers.length, panels.fixed);
    for (const chip of find("perse-chips").children) {
      chip.setAttribute("aria-selected", chip.dataset.category === name);
      chip.tabIndex = chip.dataset.category === name ? 0 : -1;
    }
    panels.category = name;
    find("perse-category").dataset.words = category.label;
    find("perse-category").setAttribute("aria-label", category.label);
    const row = find("perse-chips");
    const current = row.querySelector("[aria-selected=true]");
    row.scrollTo({ left: current.offsetLeft - row.offsetLeft - (row.clientWidth - current.clientWidth) / 2, behavior: perse.calm() ? "auto" : "smooth" });
    const chosen = () => Object.keys(perse.look.value.styles[name] ?? {});
    const mix = h("button", { type: "button", class: "perse-button perse-small", id: "perse-mix", "aria-pressed": chosen().length > 1,
      title: "Choose two styles and blend them" }, "Mix two");
    mix.onclick = () => mix.setAttribute("aria-pressed", mix.getAttribute("aria-pressed") !== "true");
    const tiles = Object.entries(category.styles).map(([style, { label, available, reason }]) => {
      const off = available === false;
      const tile = h("button", { type: "button", class: "perse-tile", "data-style": style, disabled: off, title: off && reason }, h("span", { class: "perse-thumb" }), h("span", {}, label));
      tile.onclick = () => {
        perse.look.edit((v) => {
          const now = chosen();
          const rest = Object.fromEntries(now.filter((s) => s !== style).map((s) => [s, v.styles[name][s]]));
          if (now.includes(style)) v.styles[name] = rest;
          else if (mix.getAttribute("aria-pressed") === "true" && now.length) v.styles[name] = { [now[now.length - 1]]: 0.5, [style]: 0.5 };
          else v.styles[name] = { [style]: 1 };
          if (!Object.keys(v.styles[name]).length) delete v.styles[name];
        });
        perse.look.commit();
      };
      return tile;
    });
    const strengths = ["strength", "strength-2"].map((id, k) => slider({ name: id, label: "Strength", min: 0, max: 1, neutral: 1,
      get: (v) => (v.styles[name] ?? {})[chosen()[k]], set: (v, x) => { if (chosen()[k]) v.styles[name][chosen()[k]] = x; } }));
    followers.push(() => {
      const now = chosen();
      tiles.forEach((t) => t.setAttribute("aria-pressed", now.includes(t.dataset.style)));
      strengths.forEach((row, k) => {
        row.hidden = now.length <= k;
        row.querySelector("label").textContent = now.length > 1 ? category.styles[now[k]]?.label ?? "Strength" : "Strength";
      });
    });
    const fine = Object.entries(category.axes).map(([axis, { label, help, min, max, reason }]) =>
      slider({ name: axis, label, help, min, max, reason, ...weight("attributes")(axis) }));
    const reasons = new Set(Object.values(category.axes).map((a) => a.reason).filter(Boolean));
    const chance = h("button", { type: "button", class: "perse-button perse-small", "aria-label": `Random ${category.label.toLowerCase()}` }, "Random");
    chance.onclick = () => perse.look.surprise(name);
    const reset = h("button", { type: "button", class: "perse-button perse-small", "aria-label": `Reset ${category.label}` }, "Reset");
    reset.onclick = () => { perse.look.edit(() => perse.look.resetCategory(name)); perse.look.commit(); };
    find("perse-category").replaceChildren(
      h("div", { class: "perse-head" }, h("h3", {}, category.label), h("span", { class: "perse-actions" }, mix, chance, reset)),
      h("div", { class: "perse-tiles", role: "group", "aria-label": `${category.label}, styles` }, ...tiles), ...strengths,
      h("h4", {}, "Fine-tune"), h("div", { class: "perse-sliders", role: "group", "aria-label": `${category.label}, fine-tuned` }, ...fine),
      ...[...reasons].map((reason) => h("p", { class: "perse-note" }, reason)));
    panels.follow();
    panels.thumbnails(name, tiles);
  }

  const panels = {
    category: null,
    fixed: 0,
    strips: new Map(), // category -> {key, url}

    follow() {
      followers.forEach((f) => f());
      for (const chip of find("perse-chips")?.children ?? []) chip.classList.toggle("touched", perse.look.touched(chip.dataset.category));
      const { look } = perse;
      find("perse-undo").disabled = look.past.length < 2;
      find("perse-redo").disabled = !look.future.length;
      find("perse-morph").disabled = !(look.marks.A && look.marks.B);
      for (const k of ["A", "B"]) find(`perse-mark-${k}`).setAttribute("aria-pressed", !!look.marks[k]);
    },

    // All else that is worn, without the category's own: what its tiles are seen with.
    worn(name) {
      const { attributes, styles, latents } = JSON.parse(perse.look.json());
      for (const axis of Object.keys(perse.info.categories[name].axes)) delete attributes[axis];
      delete styles[name];
      delete latents[name];
      return { attributes, styles, latents };
    },

    // The styles on this very person as edited otherwise: one strip a category, made anew when the rest looks different.
    async thumbnails(name, tiles) {
      const worn = this.worn(name), key = `${perse.token} ${JSON.stringify(worn)}`;
      if (this.strips.get(name)?.key !== key) {
        const views = perse.settings.tile_views, view = views[name] ?? views[""];
        const looks = Object.keys(perse.info.categories[name].styles).map((style) => ({ ...worn, styles: { ...worn.styles, [name]: { [style]: 1 } }, ...view }));
        const served = async () => URL.createObjectURL(await (await perse.later(`styles/${perse.token}`, { category: name }, JSON.stringify(worn))).blob());
        this.forget(this.strips.get(name));
        this.strips.set(name, { key, url: perse.thumbs.strip(looks).then((url) => url ?? served()) });
      }
      try {
        const url = await this.strips.get(name).url;
        if (this.strips.get(name)?.key !== key || this.category !== name) return;
        tiles.forEach((tile, i) => {
          const thumb = tile.firstChild;
          thumb.style.backgroundImage = `url(${url})`;
          thumb.style.backgroundSize = `${100 * tiles.length}% 100%`;
          thumb.style.backgroundPosition = tiles.length > 1 ? `${(100 * i) / (tiles.length - 1)}% 0` : "0 0";
        });
      } catch { this.strips.delete(name); }
    },

    forget: (strip) => strip?.url.then((url) => URL.revokeObjectURL(url), () => {}),

    // The rest of the look may have changed while a category is open: by chance, by undoing, by a look that was kept.
    renew() {
      clearTimeout(this.soon);
      if (!perse.token || !this.category) return;
      const { token } = perse;
      this.soon = setTimeout(() => {
        if (token === perse.token) this.thumbnails(this.category, [...find("perse-category").querySelectorAll("[data-style]")]);
      }, SETTLES);
    },

    build() {
      const { info, look } = perse;
      followers.length = 0;
      this.strips.forEach((strip) => this.forget(strip));
      this.strips.clear();
      const plain = (name) => slider({ ...info.expressions[name], name, label: sided(words(name)), ...weight("expression")(name) });
      const [widest, closest] = perse.settings.ranges.zoom;
      find("perse-moods").replaceChildren(...info.composites.map((n) => plain(n)));
      const shapes = Object.keys(info.expressions).filter((n) => !info.composites.includes(n));
      find("perse-shapes").replaceChildren(...shapes.map((n) => plain(n)));
      find("perse-neutral").hidden = !info.neutralises;
      const neutral = find("perse-neutralise");
      neutral.onchange = () => { look.edit((v) => { v.neutralise = neutral.checked ? 1 : 0; }); look.commit(); };
      followers.push(() => { neutral.checked = look.value.neutralise > 0; });
      followers[followers.length - 1]();
      // In the picture, right is right: the signs follow what the visitor sees.
      find("perse-pose").replaceChildren(degrees("head_yaw", "Turn", -1), degrees("head_pitch", "Nod"), degrees("head_roll", "Tilt"));
      find("perse-gaze").replaceChildren(degrees("gaze_yaw", "Left – right", -1), degrees("gaze_pitch", "Up – down"));
      find("perse-camera").replaceChildren(degrees("yaw", "Around", -1), degrees("pitch", "Above – below"),
        slider({ name: "zoom", label: "Zoom", min: widest, max: closest, neutral: 1, step: 0.01, show: (v) => `${Math.round(100 * v)} %`,
          get: (v) => v.zoom, set: (v, x) => { v.zoom = x; } }));
      this.fixed = followers.length;

      const chips = Object.entries(info.categories).map(([name, { label }]) => {
        const chip = h("button", { type: "button", role: "tab", class: "perse-chip", "data-category": name, "aria-controls": "perse-category" }, label);
        chip.onclick = () => showCategory(name);
        return chip;
      });
      const row = find("perse-chips");
      row.replaceChildren(...chips);
      row.onkeydown = (e) => {
        const next = perse.neighbour(chips, document.activeElement, e.key);
        if (!next) return;
        e.preventDefault();
        next.focus();
        next.click();
      };
      const act = (id, edit) => { find(id).onclick = () => { look.edit(edit); look.commit(); }; };
      act("perse-reset-mood", () => look.resetExpression());
      act("perse-reset-head", () => look.resetHead());
      act("perse-reset-camera", () => look.resetCamera());
      act("perse-front", () => look.resetCamera());
      find("perse-reset-all").onclick = () => look.replace({});
      find("perse-undo").onclick = () => look.undo();
      find("perse-redo").onclick = () => look.redo();
      find("perse-random").onclick = () => look.surprise();
      for (const k of ["A", "B"]) {
        find(`perse-mark-${k}`).onclick = () => {
          look.marks[k] = JSON.parse(look.json());
          find("perse-morph").value = k === "A" ? 0 : 1;
          this.follow();
        };
      }
      find("perse-morph").oninput = (e) => look.morph(Number(e.target.value));
      find("perse-morph").onchange = () => look.commit();
      showCategory(Object.keys(info.categories)[0]);
    },
  };
  perse.panels = panels;
  perse.look.listeners.push(() => panels.renew());
  perse.look.listeners.push((redraw) => { if (redraw || document.activeElement === perse.stage.canvas()) panels.follow(); });
})();
