// Motions: looping thumbnails of this very avatar, and a live preview of the chosen one in the big picture.
(() => {
  const { h } = perse;
  const motion = {
    name: null,
    playing: 0,

    build() {
      const tiles = Object.entries(perse.info.motions).map(([name, { label, help }]) => {
        const tile = h("button", { type: "button", class: "perse-tile perse-loop", "data-motion": name, title: help },
          h("span", { class: "perse-thumb" }), h("span", {}, label));
        tile.onclick = () => this.choose(name);
        return tile;
      });
      document.getElementById("perse-motions").replaceChildren(...tiles);
      this.loaded = "";
      this.choose(Object.keys(perse.info.motions)[0], false);
    },

    choose(name, play = true) {
      this.name = name;
      for (const t of document.querySelectorAll("[data-motion]")) t.setAttribute("aria-pressed", t.dataset.motion === name);
      if (play) this.play();
    },

    // Show one loop of the motion with the visitor's edit, live.
    async play() {
      perse.film.hide();
      const run = ++this.playing;
      const { seconds } = perse.info.motions[this.name];
      const name = this.name;
      const started = performance.now();
      perse.stage.busy = true; // this loop draws; ordinary refreshes wait until it ends
      for (;;) {
        const phase = (performance.now() - started) / 1000 / seconds;
        if (run !== this.playing || phase >= 1 || document.body.dataset.tab !== "video") break;
        perse.stage.override = { query: { motion: name, phase: phase.toFixed(4) } };
        await perse.stage.show(perse.settings.live_size);
      }
      if (run === this.playing) {
        perse.stage.override = null;
        perse.stage.busy = false;
        perse.stage.refresh();
      }
    },

    stop() { if (perse.stage.override?.query) { this.playing += 1; perse.stage.override = null; perse.stage.busy = false; perse.stage.refresh(); } },

    // Thumbnails of the person as edited cost a few frames each: made when the tab is opened, one after the other.
    async thumbnails() {
      const token = perse.token;
      const { attributes, styles, latents } = perse.look.value;
      const worn = JSON.stringify({ attributes, styles, latents });
      const wanted = `${token} ${worn}`;
      if (this.loaded === wanted) return;
      this.loaded = wanted;
      for (const tile of document.querySelectorAll("[data-motion]")) {
        try {
          const answer = await perse.later(`motion/${token}`, { name: tile.dataset.motion }, worn);
          const url = URL.createObjectURL(await answer.blob());
          if (wanted !== this.loaded || token !== perse.token) return;
          const thumb = tile.firstChild;
          URL.revokeObjectURL(thumb.dataset.url ?? "");
          thumb.dataset.url = url;
          thumb.style.backgroundImage = `url(${url})`;
          thumb.style.backgroundSize = `${100 * perse.settings.strip_frames}% 100%`;
          thumb.style.setProperty("--frames", perse.settings.strip_frames);
          thumb.classList.add("moving");
        } catch { /* a tile without a picture still works */ }
      }
    },
  };
  perse.motion = motion;
})();
