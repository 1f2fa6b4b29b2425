// Recordings and clips of the visitor's own: brought to the server, allowed to be used, taken away again.
(() => {
  const BAR = '<div class="perse-progress"><p><span class="perse-doing" role="status"></span><span class="perse-left"></span></p>'
    + '<div class="perse-bar" role="progressbar" aria-label="Progress" aria-valuemin="0" aria-valuemax="100"><i></i></div></div>';
  const touched = {}; // when each box of consent was used last
  const sent = {}; // by kind, the upload that is under way

  async function post(path, text) {
    try {
      await perse.ask(path, {}, text, { "X-Perse-Visit": await perse.visit.secret() });
    } catch (error) {
      perse.toast(error.message);
    }
    perse.visit.ask();
  }

  const own = {
    length: (seconds) => (seconds === 1 ? "1 second" : `${seconds} seconds`),
    place: (kind) => document.querySelector(`[data-own="${kind}"]`),
    has: (kind) => (document.body.dataset.brought ?? "").split(" ").includes(kind),
    sends: (kind) => document.body.dataset.sending === kind, // until then its place shows the upload

    // A file goes up, and is looked through there.
    async bring(kind, file) {
      if (!file) return;
      if (file.size > perse.settings.max_upload) {
        perse.toast(`This file is larger than ${Math.round(perse.settings.max_upload / 1e6)} MB: please choose a shorter one.`);
        return;
      }
      sent[kind]?.abort();
      const upload = sent[kind] = new XMLHttpRequest();
      document.body.dataset.sending = kind;
      document.getElementById(`perse-${kind}`).innerHTML = BAR;
      perse.visit.shown[kind] = "";
      const bar = (share) => perse.clock.told(kind, { share, text: "Uploading", seconds: null, waiting: 0 });
      bar(0);
      upload.upload.onprogress = (e) => bar(e.lengthComputable ? e.loaded / e.total : null);
      const secret = await perse.visit.secret();
      upload.open("POST", `${location.pathname.replace(/\/+$/, "")}/gradio_api/upload`);
      upload.setRequestHeader("X-Perse-Visit", secret);
      const form = new FormData();
      form.append("files", file, file.name);
      upload.onloadend = async () => {
        if (sent[kind] !== upload) return;
        delete sent[kind];
        let told = null;
        try { told = JSON.parse(upload.responseText); } catch { /* nothing came back */ }
        perse.clock.told(kind, null);
        if (upload.status === 200) {
          this.listenTo(kind, file);
          await post(`bring/${kind}`, told[0]);
        } else if (upload.status || !upload.aborted) {
          perse.toast(told?.error || "The upload broke off: please try again.");
          perse.visit.ask();
        }
        delete document.body.dataset.sending;
      };
      upload.send(form);
    },

    // What was brought is heard from the browser's own copy: the server hands none out.
    listenTo(kind, file) {
      const audio = this.place(kind).querySelector("audio");
      if (!audio) return;
      URL.revokeObjectURL(audio.src);
      audio.src = file ? URL.createObjectURL(file) : "";
      audio.hidden = !file;
    },

    async giveUp(kind) {
      if (sent[kind]) { const upload = sent[kind]; delete sent[kind]; upload.abort(); delete document.body.dataset.sending; perse.clock.told(kind, null); }
      this.listenTo(kind, null);
      await post(`bring/${kind}`, "");
    },

    // What the server says of it.
    told({ brought, allowed }) {
      document.body.dataset.brought = brought.join(" ");
      for (const box of document.querySelectorAll("[data-allow]")) {
        if (performance.now() - (touched[box.dataset.allow] ?? -Infinity) > 3000) box.checked = allowed.includes(box.dataset.allow);
      }
    },
  };
  perse.own = own;

  document.addEventListener("change", (e) => {
    const { upload, allow } = e.target.dataset ?? {};
    if (upload) {
      own.bring(upload, e.target.files[0]);
      e.target.value = "";
    }
    if (allow) {
      touched[allow] = performance.now();
      post(`allow/${allow}`, e.target.checked ? "yes" : "");
    }
  });
  document.addEventListener("click", (e) => {
    const kind = e.target.closest("[data-give-up]")?.dataset.giveUp;
    if (kind) own.giveUp(kind);
  });
})();
