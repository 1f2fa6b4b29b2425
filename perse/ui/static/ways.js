// What moves the avatar in a video: a ready-made motion, speech, or a clip that is followed.
(() => {
  const ways = {
    name: "ready",

    build() {
      for (const b of document.querySelectorAll("[data-way-name]")) b.onclick = () => this.choose(b.dataset.wayName);
      this.choose(this.name);
    },

    choose(name) {
      this.name = document.body.dataset.way = name;
      for (const b of document.querySelectorAll("[data-way-name]")) b.setAttribute("aria-pressed", b.dataset.wayName === name);
      perse.recorder.stop(false);
      perse.motion.stop();
      this.draw();
    },

    // What can be done at once, in this browser, follows from what it draws and what it plays.
    draw() {
      if (!document.getElementById("perse-say")) return; // an example moves before the page is whole
      perse.clip.draw();
      perse.speak.draw();
      perse.follow.draw();
      perse.mirror.draw();
    },

    // What moves the live head, before anything is rendered: {name, told, sound}.
    async performance() {
      if (this.name === "speak") return { name: "speech", ...(await perse.speak.made()) };
      if (this.name === "follow") return { name: "clip", ...(await perse.follow.made()) };
      const { live, motion: { name } } = perse, told = await live.told(name);
      return { name, told, sound: live.sound_of(name, told) };
    },

    // What the server is told: a JSON text.
    wanted() {
      if (this.name === "speak") return JSON.stringify({ way: "speak", ...perse.speak.wanted() });
      const face = Number(document.querySelector("[data-face][aria-pressed=true]")?.dataset.face) || null;
      return JSON.stringify(this.name === "follow" ? { way: "follow", face, mirrored: document.getElementById("perse-follow-mirrored").checked } : { way: "ready" });
    },
  };
  perse.ways = ways;
  document.addEventListener("click", (e) => {
    const face = e.target.closest("[data-face]");
    if (face) for (const f of document.querySelectorAll("[data-face]")) f.setAttribute("aria-pressed", f === face);
  });
})();
