// Speech: what is typed or recorded, its voice, and how it looks and sounds before anything is rendered.
(() => {
  const { h } = perse;
  const find = (id) => document.getElementById(id);
  const PACE = 14; // characters of ordinary English that take a second

  const speak = {
    voice: "",

    build() {
      const { voices } = perse.settings;
      this.voice ||= Object.keys(voices)[0];
      find("perse-voices").replaceChildren(...Object.entries(voices).map(([name, label]) => {
        const chip = h("button", { type: "button", class: "perse-chip", "data-voice": name }, label);
        chip.onclick = () => { this.voice = name; this.changed(); };
        return chip;
      }));
      find("perse-say").oninput = () => this.changed();
      for (const b of document.querySelectorAll("[data-play]")) b.onclick = () => this.play(b);
      for (const id of ["perse-lively", "perse-speaks"]) {
        const slider = find(id);
        slider.oninput = () => this.fill(slider);
        this.fill(slider);
      }
      this.draw();
    },

    fill(slider) {
      const share = (100 * (slider.value - slider.min)) / (slider.max - slider.min);
      slider.style.setProperty("--from", "0%");
      slider.style.setProperty("--to", `${share}%`);
    },

    // Whatever was heard is of another text or voice now.
    changed() {
      find("perse-heard").hidden = true;
      find("perse-heard").querySelector("audio").pause();
      this.draw();
    },

    // The buttons say what they do: the live head speaks; where the server draws, the voice alone is heard.
    draw() {
      const text = find("perse-say").value.trim(), { live } = perse, most = perse.settings.video_seconds;
      for (const chip of document.querySelectorAll("[data-voice]")) {
        chip.setAttribute("aria-pressed", chip.dataset.voice === this.voice);
      }
      find("perse-say-note").textContent = text
        ? `Takes about ${perse.own.length(Math.max(1, Math.round(text.length / PACE)))} to say; ${most} at most.`
        : "In English. What you type is not kept.";
      for (const b of document.querySelectorAll("[data-play]")) {
        const typed = b.dataset.play === "typed";
        b.hidden = !typed && !live.on;
        b.disabled = this.making || (typed && !text);
        b.textContent = this.making ? "One moment …" : live.playing === "speech" ? "Stop" : typed && !live.on ? "Listen" : "Play";
      }
    },

    // The speech that is asked for: {told, sound}.
    made() {
      return perse.performed("speech", {}, JSON.stringify({ way: "speak", ...this.wanted() }), perse.visit.shown.recording);
    },

    async play() {
      const { live } = perse;
      if (live.playing === "speech") return live.stop();
      const made = await perse.awaited(this, () => JSON.stringify(this.wanted()));
      if (!made) return;
      if (live.on) return live.perform("speech", made.told, made.sound);
      const audio = find("perse-heard").querySelector("audio");
      audio.src = made.sound.src;
      find("perse-heard").hidden = false;
      audio.play().catch(() => {}); // a browser that starts nothing by itself shows its button
    },

    // A recording takes the place of what is typed.
    wanted() {
      const own = perse.own.has("recording");
      return {
        say: own ? "" : find("perse-say").value,
        voice: own ? "" : this.voice,
        liveliness: Number(find("perse-lively").value),
        strength: Number(find("perse-speaks").value),
      };
    },
  };
  perse.speak = speak;
})();
