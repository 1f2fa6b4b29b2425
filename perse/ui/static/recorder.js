// Microphone and camera: recorded in the browser, and brought as a file would be.
(() => {
  const MORE = 0.5; // seconds beyond the longest that is used
  let running = null; // {kind, recorder, stream, timer}

  const reasons = {
    NotAllowedError: "The browser does not allow it: please allow the microphone or camera for this page, or upload a file.",
    NotFoundError: "No microphone or camera was found here: please upload a file.",
    NotReadableError: "Another program is using the microphone or camera: please close it, or upload a file.",
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
    async start(kind) {
      const camera = kind === "clip";
      let stream;
      try {
        if (!navigator.mediaDevices || !window.MediaRecorder) throw new Error();
        stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: camera && { facingMode: "user", width: { ideal: 640 } } });
      } catch (error) {
        perse.toast(reasons[error.name] ?? "This browser records on secure pages (https) only: please upload a file.");
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
