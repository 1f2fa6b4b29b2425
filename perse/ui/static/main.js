// The visit: which step is shown, and what happens when an avatar arrives.
(() => {
  const find = (id) => document.getElementById(id);
  const appeared = (id) => new Promise((done) => {
    const look = () => (find(id) ? done() : requestAnimationFrame(look));
    look();
  });

  function view(step) {
    document.body.dataset.view = step;
    for (const s of document.querySelectorAll("[data-step]")) {
      const order = ["photo", "build", "play"];
      if (s.dataset.step === step) s.setAttribute("aria-current", "step");
      else s.removeAttribute("aria-current");
      s.classList.toggle("done", order.indexOf(s.dataset.step) < order.indexOf(step));
    }
  }

  function tab(name) {
    const before = document.body.dataset.tab;
    document.body.dataset.tab = name;
    for (const t of document.querySelectorAll("[data-tab-name]")) {
      t.setAttribute("aria-selected", t.dataset.tabName === name);
      t.tabIndex = t.dataset.tabName === name ? 0 : -1;
    }
    if (name === "mood") perse.faces.thumbnails();
    if (name === "video") perse.motion.thumbnails();
    else if (before === "video") leaveVideo();
  }

  function leaveVideo() {
    perse.motion.stop();
    perse.recorder.stop(false);
    perse.film.hide();
  }

  Object.assign(perse, {
    view,

    // Called with the token of an avatar that has come to the visit.
    async open(token) {
      try {
        const answer = await perse.ask(`info/${token}`);
        const info = await answer.json();
        await appeared("perse-canvas");
        Object.assign(perse, { token, info });
        perse.stage.override = null;
        const canvas = perse.stage.canvas();
        canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height); // what was there before was somebody else
        find("perse-stage").classList.add("loading");
        perse.stage.bind();
        perse.panels.build();
        perse.faces.build();
        perse.myLooks.build();
        perse.motion.build();
        perse.keys.build();
        perse.ways.build();
        perse.speak.build();
        perse.film.build();
        perse.save.build();
        perse.keep.build();
        perse.clip.build();
        perse.follow.build();
        perse.mirror.build();
        const tabs = [...document.querySelectorAll("[data-tab-name]")];
        for (const t of tabs) {
          t.onclick = () => tab(t.dataset.tabName);
          t.onkeydown = (e) => {
            const next = perse.neighbour(tabs, t, e.key);
            if (!next) return;
            e.preventDefault();
            next.focus();
            next.click();
          };
        }
        tab("look");
        view("play");
        perse.tell("Your avatar is here. Its tabs are Look, Expression, Video and Save.");
        if (!document.activeElement?.checkVisibility?.() || document.activeElement === document.body) find("perse-canvas").focus({ preventScroll: true });
        // From the top, also where a smooth scroll to what was pressed is still under way.
        const top = () => window.scrollTo({ top: 0, behavior: "instant" });
        top();
        requestAnimationFrame(top);
        perse.look.start();
        perse.history.build();
        perse.stage.stand(info.still);
        perse.live.open(token, info.still?.name ?? "");
        perse.stage.setBackground("grey");
      } catch (error) {
        perse.toast(error.message);
      }
    },

    // Back to the start; the photo that was built is not needed any more.
    leave() {
      leaveVideo();
      perse.part();
      perse.live.close();
      find("perse-fresh")?.click();
      view("photo");
      perse.tell("Choose a photo to begin.");
    },
  });

  document.addEventListener("keydown", (e) => {
    if (!(e.ctrlKey || e.metaKey) || document.body.dataset.view !== "play" || e.target.matches("textarea, input[type=text]")) return;
    const key = e.key.toLowerCase();
    if (key === "z") { e.preventDefault(); if (e.shiftKey) perse.look.redo(); else perse.look.undo(); }
    if (key === "y") { e.preventDefault(); perse.look.redo(); }
  });
  document.addEventListener("click", (e) => {
    if (e.target.closest("#perse-new")) perse.leave();
  });
  const begin = async () => {
    perse.place("perse-toast", "alert");
    perse.place("perse-told", "status");
    document.body.dataset.view = "photo";
    document.body.dataset.tab = "look";
    await Promise.all(["perse-theme", "perse-build", "perse-found", "perse-kept"].map(appeared));
    perse.keep.offer();
    view(document.body.dataset.view);
    perse.visit.ask();
  };
  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
})();
