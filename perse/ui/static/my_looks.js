// Looks that a visitor keeps in the browser: numbers of sliders, nothing of a person; they fit any avatar.
(() => {
  const { h } = perse;
  const KEY = "perse-looks", MOST = 24;
  const find = (id) => document.getElementById(id);
  const kept = {
    get() { try { return JSON.parse(localStorage.getItem(KEY)) ?? []; } catch { return []; } },
    set(looks) { try { localStorage.setItem(KEY, JSON.stringify(looks.slice(-MOST))); } catch { perse.toast("This browser keeps nothing for this page."); } },
  };
  // What an avatar without some category or expression does not know is left out.
  const fitting = (look) => {
    const { categories, expressions } = perse.info, axes = new Set(Object.values(categories).flatMap((c) => Object.keys(c.axes)));
    const only = (from, has) => Object.fromEntries(Object.entries(from ?? {}).filter(([name, value]) => has(name, value)));
    return {
      attributes: only(look.attributes, (name) => axes.has(name)),
      styles: only(look.styles, (name, styles) => categories[name] && Object.keys(styles).every((s) => categories[name].styles[s])),
      expression: only(look.expression, (name) => expressions[name]),
    };
  };
  perse.myLooks = {
    build() {
      const looks = kept.get();
      find("perse-my-looks").replaceChildren(...looks.map(({ name, look }, i) => h("span", { class: "perse-kept" },
        h("button", { type: "button", class: "perse-button perse-small", onclick: () => perse.look.replace({ ...perse.look.value, ...fitting(look) }) }, name),
        h("button", { type: "button", class: "perse-forget", "aria-label": `Forget ${name}`, title: "Forget", onclick: () => {
          kept.set(kept.get().filter((_, k) => k !== i));
          this.build();
        } }, "×"))));
      find("perse-keep-look").onclick = () => {
        const { attributes, styles, expression } = perse.look.value;
        if (![attributes, styles, expression].some((group) => Object.keys(group).length)) return perse.toast("Change something first: then there is a look to keep.");
        const { categories } = perse.info;
        const worn = Object.entries(styles).flatMap(([c, s]) => Object.keys(s).map((name) => `${categories[c].label}: ${categories[c].styles[name].label}`));
        const base = worn.slice(0, 2).join(", ") || "My look";
        const taken = new Set(kept.get().map((k) => k.name));
        let name = base;
        for (let i = 2; taken.has(name); i++) name = `${base} ${i}`;
        kept.set([...kept.get(), { name, look: { attributes, styles, expression } }]);
        this.build();
      };
    },
  };
})();
