// Faces at one click, on this very person as edited, before the sliders.
(() => {
  const { h } = perse;
  const find = (id) => document.getElementById(id);
  const same = (a, b) => JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
  const all = () => Object.entries(perse.info.faces);
  const faces = {
    shown: "", // the look that the pictures show, without its expression

    build() {
      this.shown = "";
      find("perse-faces").replaceChildren(...all().map(([name, expression]) => {
        const tile = h("button", { type: "button", class: "perse-tile", "data-quick-face": name, "aria-pressed": "false" },
          h("span", { class: "perse-thumb" }), h("span", {}, name));
        tile.onclick = () => {
          const worn = same(perse.look.value.expression, expression); // once more takes it off
          perse.look.edit((v) => { v.expression = worn ? {} : { ...expression }; });
          perse.look.commit();
        };
        return tile;
      }));
    },

    follow() {
      if (!perse.info?.faces) return;
      for (const tile of document.querySelectorAll("[data-quick-face]")) {
        tile.setAttribute("aria-pressed", same(perse.look.value.expression, perse.info.faces[tile.dataset.quickFace]));
      }
    },

    // One strip with all of them, when the tab is opened and the person looks otherwise than before.
    async thumbnails() {
      const look = { ...JSON.parse(perse.look.json()), expression: {}, yaw: 0, pitch: 0, roll: 0 };
      const key = perse.token + JSON.stringify(look);
      if (this.shown === key) return;
      this.shown = key;
      try {
        const answer = await perse.later(`faces/${perse.token}`, {}, JSON.stringify(look));
        const url = URL.createObjectURL(await answer.blob());
        if (this.shown !== key) return URL.revokeObjectURL(url);
        if (this.url) URL.revokeObjectURL(this.url);
        this.url = url;
        const thumbs = document.querySelectorAll("[data-quick-face] .perse-thumb");
        thumbs.forEach((thumb, i) => {
          thumb.style.backgroundImage = `url(${url})`;
          thumb.style.backgroundSize = `${100 * thumbs.length}% 100%`;
          thumb.style.backgroundPosition = `${(100 * i) / (thumbs.length - 1)}% 0`;
        });
      } catch { this.shown = ""; } // a tile without a picture still works
    },
  };
  perse.faces = faces;
  perse.look.listeners.push(() => {
    faces.follow();
    if (document.body.dataset.tab === "mood") {
      clearTimeout(faces.soon);
      faces.soon = setTimeout(() => faces.thumbnails(), 600);
    }
  });
})();
