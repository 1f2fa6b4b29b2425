// Speech that is typed: the text, its voice, and how it sounds before anything is rendered.
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
        chip.onclick = () => { this.voice = name; this.draw(); };
        return chip;
      }));
      find("perse-say").oninput = () => this.draw();
      find("perse-listen").onclick = () => this.listen();
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
    draw() {
      const text = find("perse-say").value.trim();
      for (const chip of document.querySelectorAll("[data-voice]")) {
        chip.setAttribute("aria-pressed", chip.dataset.voice === this.voice);
      }
      const most = perse.settings.video_seconds;
      find("perse-say-note").textContent = text
        ? `Takes about ${perse.own.length(Math.max(1, Math.round(text.length / PACE)))} to say; ${most} at most.`
        : "In English. What you type is not kept.";
      find("perse-listen").disabled = !text || this.making;
      find("perse-heard").hidden = true;
      find("perse-heard").querySelector("audio").pause();
    },

    async listen() {
      const asked = JSON.stringify({ say: find("perse-say").value, voice: this.voice });
      const button = find("perse-listen");
      this.making = button.disabled = true;
      button.textContent = "One moment …";
      try {
        const answer = await perse.ask("listen", {}, asked, { "X-Perse-Visit": await perse.visit.secret() });
        const sound = await answer.blob();
        if (asked === JSON.stringify({ say: find("perse-say").value, voice: this.voice })) {
          const audio = find("perse-heard").querySelector("audio");
          URL.revokeObjectURL(audio.src);
          audio.src = URL.createObjectURL(sound);
          find("perse-heard").hidden = false;
          audio.play().catch(() => {}); // a browser that starts nothing by itself shows its button
        }
      } catch (error) {
        perse.toast(error.message);
      }
      this.making = false;
      button.disabled = !find("perse-say").value.trim();
      button.textContent = "Listen";
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
