// Microphone and camera: recorded in the browser, and brought as a file would be.
(() => {
  const MORE = 0.5; // seconds beyond the longest that is used
  let running = null; // {kind, recorder, stream, timer}

  const reasons = {
    NotAllowedError: (what, instead) => `The browser does not allow it: please allow the ${what} for this page${instead}`,
    NotFoundError: (what, instead) => `No ${what} was found here: please connect one${instead}`,
    NotReadableError: (what, instead) => `Another program is using the ${what}: please close it${instead}`,
  };
  const button = (kind) => document.querySelector(`[data-record="${kind}"]`);
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

  function show(kind, text) {
    const b = button(kind);
    b.dataset.label ??= b.querySelector("span").textContent;
    b.classList.toggle("recording", text !== null);
    b.querySelector("span").textContent = text ?? b.dataset.label;
  }

  const recorder = {
    // Why the browser gives none. instead: what else can be done, the sentence's end.
    why(error, what, instead) {
      return reasons[error.name]?.(what, instead) ?? `This browser gives a page the ${what} on secure connections (https) only: please open it there${instead}`;
    },

    async start(kind) {
      const camera = kind === "clip";
      let stream;
      try {
        if (!navigator.mediaDevices || !window.MediaRecorder) throw new Error();
        stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: camera && { facingMode: "user", width: { ideal: 640 } } });
      } catch (error) {
        perse.toast(this.why(error, "microphone or camera", ", or upload a file."));
        return;
      }
      const made = new MediaRecorder(stream);
      const pieces = [];
      const began = performance.now();
      made.ondataavailable = (e) => { if (e.data.size) pieces.push(e.data); };
      made.onstop = () => {
        for (const track of stream.getTracks()) track.stop();
        if (!made.kept || !pieces.length) return;
        const type = made.mimeType || pieces[0].type;
        perse.own.bring(kind, new File(pieces, `${kind}.${type.includes("mp4") ? "mp4" : type.includes("ogg") ? "ogg" : "webm"}`, { type }));
      };
      const timer = setInterval(() => {
        const seconds = (performance.now() - began) / 1000;
        show(kind, `Stop ${clock(seconds)}`);
        if (seconds > perse.settings.video_seconds + MORE) this.stop(true);
      }, 200);
      running = { kind, recorder: made, stream, timer };
      if (camera) {
        const view = document.getElementById("perse-webcam");
        Object.assign(view, { srcObject: stream, hidden: false });
        view.play().catch(() => {});
      }
      show(kind, `Stop ${clock(0)}`);
      made.start(1000);
    },

    // kept: what was recorded is used.
    stop(kept) {
      if (!running) return;
      const { kind, recorder: made, timer } = running;
      running = null;
      clearInterval(timer);
      show(kind, null);
      Object.assign(document.getElementById("perse-webcam"), { srcObject: null, hidden: true });
      made.kept = kept;
      if (made.state !== "inactive") made.stop();
    },
  };
  perse.recorder = recorder;
  document.addEventListener("click", (e) => {
    const kind = e.target.closest("[data-record]")?.dataset.record;
    if (!kind) return;
    if (running) recorder.stop(true);
    else recorder.start(kind);
  });
})();
