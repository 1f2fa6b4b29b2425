// Small pictures of styles and motions, drawn in this browser by a second player beside the big picture; the server's where that is slow.
(() => {
  const SIDE = 112; // pixels
  const SLOW = 90; // milliseconds a picture beyond which the server makes them
  const { h } = perse;

  const thumbs = {
    player: null,
    of: null, // the player of the big picture whose head it draws
    slow: false,
    slowest: SLOW,
    line: Promise.resolve(),

    // The looks side by side as the URL of one picture, or null: then the server has to make it.
    strip(looks) {
      const made = this.line.then(() => this.draw(looks)).catch(() => null);
      this.line = made;
      return made;
    },

    async draw(looks) {
      const { live } = perse;
      if (!live.on || this.slow) return null;
      const { player } = live;
      await player.whole;
      if (this.of !== player) this.begin(player);
      const strip = h("canvas");
      strip.width = SIDE * looks.length;
      strip.height = SIDE;
      const pen = strip.getContext("2d");
      pen.fillStyle = getComputedStyle(live.box.parentElement).backgroundColor;
      pen.fillRect(0, 0, strip.width, SIDE);
      const started = performance.now();
      for (const [i, look] of looks.entries()) {
        this.player.set(look);
        await this.player.settled();
        if (live.player !== player) return null;
        pen.drawImage(this.player.canvas, i * SIDE, 0, SIDE, SIDE);
        this.slow = (performance.now() - started) / (i + 1) > this.slowest && i > 1;
        if (this.slow) return this.end(), null;
      }
      return URL.createObjectURL(await new Promise((done) => strip.toBlob(done, "image/jpeg", 0.85)));
    },

    begin(player) {
      this.end();
      const canvas = h("canvas", { class: "perse-thumbs", "aria-hidden": true, width: SIDE, height: SIDE });
      document.getElementById("perse-stage").append(canvas);
      this.player = player.beside(canvas);
      this.of = player;
    },

    end() {
      this.player?.canvas.remove();
      this.player?.close();
      Object.assign(this, { player: null, of: null });
    },
  };
  perse.thumbs = thumbs;
})();
