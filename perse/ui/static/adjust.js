// A photo turned, mirrored and cropped by hand, in the visitor's browser: what comes of it goes up as a photo of its own, checked like any.
(() => {
  const { h } = perse;
  const LARGEST = 3200; // pixels of what goes up: the server keeps no more
  const SHOWN = 560; // and of what is seen meanwhile
  const LEAST = 0.12; // share of the photo's sides that is left
  const STEP = 0.02; // of an arrow key
  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const WHOLE = [0, 0, 1, 1];

  const adjust = {
    turns: 0, // quarter turns to the right
    flipped: false,
    box: WHOLE, // left, top, right, bottom of what is kept, shares of the turned photo

    open() {
      const photo = document.querySelector("#perse-photo img");
      if (!photo?.naturalWidth) return perse.toast("Your browser cannot show this photo, so it cannot turn it: please save it as JPEG first.");
      Object.assign(this, { photo, turns: 0, flipped: false, box: WHOLE });
      this.dialog ??= this.build();
      this.draw();
      this.dialog.showModal();
    },

    build() {
      const button = (label, act, more = {}) => h("button", { type: "button", class: "perse-button", onclick: act, ...more }, label);
      this.paper = h("canvas");
      this.frame = h("div", { class: "perse-crop", tabindex: "0", role: "group", "aria-label": "What is kept. Drag it or its corners; arrow keys move it, plus and minus make it larger or smaller." },
        ...["nw", "ne", "sw", "se"].map((corner) => h("i", { "data-corner": corner })));
      const place = h("div", { class: "perse-adjusted" }, this.paper, this.frame);
      const dialog = h("dialog", { id: "perse-adjust-dialog", "aria-labelledby": "perse-adjust-title" },
        h("h2", { id: "perse-adjust-title" }, "Turn, mirror or crop"), place,
        h("div", { class: "perse-adjust-row" },
          button("Turn left", () => this.turn(3)), button("Turn right", () => this.turn(1)),
          button("Mirror", () => this.flip(), { id: "perse-flip", "aria-pressed": "false" }), button("Whole photo", () => this.keep(WHOLE))),
        h("div", { class: "perse-adjust-row" },
          button("Use this", () => this.use(), { class: "perse-button perse-primary", id: "perse-adjust-use" }), button("Cancel", () => dialog.close())));
      this.frame.onpointerdown = (e) => this.drag(e);
      this.frame.onkeydown = (e) => this.key(e);
      document.querySelector(".gradio-container").append(dialog);
      return dialog;
    },

    // The photo as it stands now on a canvas whose longer side has so many pixels at most; of it the box (left, top, right, bottom).
    paint(paper, longest, [left, top, right, bottom] = WHOLE) {
      const { photo, turns, flipped } = this, upright = turns % 2 === 0;
      const sides = upright ? [photo.naturalWidth, photo.naturalHeight] : [photo.naturalHeight, photo.naturalWidth];
      const kept = [sides[0] * (right - left), sides[1] * (bottom - top)], scale = Math.min(1, longest / Math.max(...kept));
      [paper.width, paper.height] = kept.map((side) => Math.max(1, Math.round(side * scale)));
      const pen = paper.getContext("2d");
      pen.imageSmoothingQuality = "high";
      pen.scale(scale, scale);
      pen.translate(sides[0] * (0.5 - left), sides[1] * (0.5 - top));
      if (flipped) pen.scale(-1, 1);
      pen.rotate((turns * Math.PI) / 2);
      pen.drawImage(photo, -photo.naturalWidth / 2, -photo.naturalHeight / 2);
    },

    draw() {
      this.paint(this.paper, SHOWN);
      document.getElementById("perse-flip")?.setAttribute("aria-pressed", this.flipped);
      this.keep(this.box);
    },

    // The photo turns to the right, and what is kept with it.
    turn(times) {
      for (let k = 0; k < times; k++) this.box = [1 - this.box[3], this.box[0], 1 - this.box[1], this.box[2]];
      this.turns = (this.turns + (this.flipped ? 4 - times : times)) % 4;
      this.draw();
    },

    flip() {
      this.flipped = !this.flipped;
      this.box = [1 - this.box[2], this.box[1], 1 - this.box[0], this.box[3]];
      this.draw();
    },

    keep(box) {
      this.box = box;
      const [left, top, right, bottom] = box.map((share) => `${100 * share}%`);
      Object.assign(this.frame.style, { left, top, width: `calc(${right} - ${left})`, height: `calc(${bottom} - ${top})` });
    },

    // Moved or, at a corner, drawn out by shares of the photo, as far as it goes.
    moved([left, top, right, bottom], dx, dy, corner = "") {
      const within = (x, low, high) => Math.min(high, Math.max(low, x));
      if (!corner) {
        const x = within(dx, -left, 1 - right), y = within(dy, -top, 1 - bottom);
        return [left + x, top + y, right + x, bottom + y];
      }
      return [
        corner.includes("w") ? within(left + dx, 0, right - LEAST) : left, corner.includes("n") ? within(top + dy, 0, bottom - LEAST) : top,
        corner.includes("e") ? within(right + dx, left + LEAST, 1) : right, corner.includes("s") ? within(bottom + dy, top + LEAST, 1) : bottom,
      ];
    },

    drag(e) {
      const { corner } = e.target.dataset, before = this.box, { width, height } = this.paper.getBoundingClientRect();
      e.preventDefault();
      this.frame.focus();
      this.frame.setPointerCapture(e.pointerId);
      this.frame.onpointermove = (now) => this.keep(this.moved(before, (now.clientX - e.clientX) / width, (now.clientY - e.clientY) / height, corner));
      this.frame.onpointerup = this.frame.onpointercancel = () => { this.frame.onpointermove = null; };
    },

    key(e) {
      const move = MOVES[e.key], grow = { "+": 1, "=": 1, "-": -1 }[e.key];
      if (move) this.keep(this.moved(this.box, STEP * move[0], STEP * move[1]));
      else if (grow) this.keep(this.moved(this.moved(this.box, -STEP * grow, -STEP * grow, "nw"), STEP * grow, STEP * grow, "se"));
      else return;
      e.preventDefault();
    },

    async use() {
      const paper = h("canvas");
      this.paint(paper, LARGEST, this.box);
      const kind = /\.(png|webp|gif)$/i.test(this.photo.src) ? "png" : "jpeg"; // which may be cut out
      const picture = await new Promise((done) => paper.toBlob(done, `image/${kind}`, 0.95));
      this.dialog.close();
      if (picture) perse.give(new File([picture], `photo.${kind}`, { type: picture.type }));
      else perse.toast("This photo is too large for your browser to turn: please turn it before you upload it.");
    },
  };
  perse.adjust = adjust;
  document.addEventListener("click", (e) => { if (e.target.closest("#perse-adjust")) adjust.open(); });
})();
