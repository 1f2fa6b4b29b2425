// A clip that is followed, in the live head with its own sound, before anything is rendered.
(() => {
  const find = (id) => document.getElementById(id);

  const follow = {
    build() {
      find("perse-follow-play").onclick = () => this.play();
      this.draw();
    },

    draw() {
      const button = find("perse-follow-play"), { live } = perse;
      button.hidden = !live.on;
      button.disabled = !!this.making;
      button.textContent = this.making ? "Following the face …" : live.playing === "clip" ? "Stop" : "Play";
    },

    // What Gradio's own parts say of how a clip is followed.
    query() {
      return {
        region: document.querySelector("#perse-region input:checked")?.value ?? "All",
        strength: find("perse-follows")?.querySelector("input")?.value ?? 1,
        absolute: document.querySelector("#perse-absolute input")?.checked ? 1 : 0,
      };
    },

    made() {
      return perse.performed("follow", this.query(), perse.ways.wanted(), perse.visit.shown.clip);
    },

    async play() {
      const { live } = perse;
      if (live.playing === "clip") return live.stop();
      const own = perse.visit.shown.clip && !document.querySelector("[data-allow=clip]").checked;
      if (own) return perse.toast("Please tick the box: face and voice are yours, or you have the person's permission.");
      const made = await perse.awaited(this, () => JSON.stringify([perse.token, this.query(), perse.ways.wanted()]));
      if (made && live.on) await live.perform("clip", made.told, made.sound, true);
    },
  };
  perse.follow = follow;
})();
