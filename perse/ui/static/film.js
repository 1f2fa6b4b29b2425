// The finished film plays where the avatar is seen; what there is to download and to know of it stays beside the button.
(() => {
  const { h } = perse;
  const find = (id) => document.getElementById(id);

  const film = {
    // What stands behind the head: nothing, if the visitor wants that and the format can show it.
    background() {
      const clear = document.querySelector("#perse-clear input");
      return clear?.checked && clear.offsetParent ? "transparent" : perse.stage.background;
    },

    build() {
      if (this.watched) return;
      this.watched = new MutationObserver(() => this.take());
      this.watched.observe(find("perse-film"), { childList: true });
      this.take();
    },

    // A film that has just come, or is no longer there.
    take() {
      const made = find("perse-film").querySelector(".perse-video");
      const media = made?.querySelector("video, img");
      find("perse-screen")?.remove();
      if (!media) return;
      media.remove();
      if (perse.calm()) media.pause?.(); // it begins when it is asked to
      const close = h("button", { type: "button", class: "perse-button perse-icon", "aria-label": "Close the film", title: "Close the film" }, "✕");
      const again = h("button", { type: "button", class: "perse-button", hidden: true }, "Watch again");
      const screen = h("div", { id: "perse-screen" }, media, close);
      made.querySelector(".perse-saved").append(again);
      const show = (on) => {
        screen.hidden = !on;
        again.hidden = on;
        if (on && media.play && !(perse.calm() && media.autoplay)) media.play().catch(() => {}); // a browser that starts nothing by itself shows its button
        else media.pause?.();
      };
      close.onclick = () => show(false);
      again.onclick = () => show(true);
      find("perse-stage").append(screen);
      if (document.body.dataset.tab === "video") show(true);
      else show(false);
      this.hide = () => show(false);
    },

    hide() {},
  };
  perse.film = film;
})();
