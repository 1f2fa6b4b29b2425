// A quick clip: what the live head does, recorded in this browser while it plays, with its sound. The server has no part in it.
(() => {
  const { h } = perse;
  const find = (id) => document.getElementById(id);
  const FPS = 30;
  const KINDS = [["video/mp4;codecs=avc1.42E01F,mp4a.40.2", "mp4"], ["video/mp4", "mp4"], ["video/webm;codecs=vp9,opus", "webm"], ["video/webm", "webm"]];
  const BITS = 8e6; // a second

  const clip = {
    recording: null,

    kind: () => (window.MediaRecorder && HTMLCanvasElement.prototype.captureStream ? KINDS.find(([type]) => MediaRecorder.isTypeSupported(type)) : null),

    build() {
      const button = find("perse-quick-clip");
      button.onclick = () => (this.recording ? perse.live.stop() : this.record());
      this.draw();
    },

    // The button is there while this browser draws and can record, and something is there to record.
    draw() {
      const button = find("perse-quick-clip");
      if (button) button.hidden = !perse.live.on || !this.kind();
    },

    async record() {
      const [type, ending] = this.kind(), button = find("perse-quick-clip"), { live } = perse;
      let made;
      button.disabled = true;
      try {
        made = await perse.ways.performance();
      } catch (error) {
        return perse.toast(error.message);
      } finally {
        button.disabled = false;
      }
      const { name, told, sound } = made;
      const picture = h("canvas"), side = 2 * Math.floor(live.canvas.width / 2);
      picture.width = picture.height = side;
      const pen = picture.getContext("2d", { alpha: false }), ground = this.ground();
      const stream = picture.captureStream(FPS);
      const context = sound && new AudioContext();
      if (sound) {
        const source = context.createMediaElementSource(sound), out = context.createMediaStreamDestination();
        source.connect(context.destination);
        source.connect(out);
        stream.addTrack(out.stream.getAudioTracks()[0]);
        await context.resume();
      }
      const recorder = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: BITS }), pieces = [];
      recorder.ondataavailable = ({ data }) => pieces.push(data);
      const draw = () => {
        pen.fillStyle = ground.colour;
        pen.fillRect(0, 0, side, side);
        if (ground.photo) pen.drawImage(ground.photo, 0, 0, side, side);
        pen.drawImage(live.canvas, 0, 0, side, side);
        this.label(pen, side, sound ? perse.settings.spoken_mark : perse.settings.mark);
        if (recorder.state === "recording") requestAnimationFrame(draw);
      };
      this.recording = recorder;
      button.setAttribute("aria-pressed", true);
      button.textContent = "Stop recording";
      recorder.start();
      draw();
      await live.perform(name, told, sound, true);
      draw();
      await new Promise((done) => { recorder.onstop = done; recorder.stop(); });
      await context?.close();
      this.recording = null;
      button.setAttribute("aria-pressed", false);
      button.textContent = "Quick clip";
      perse.download(new Blob(pieces, { type: type.split(";")[0] }), `${perse.info.name}-${name}-synthetic.${ending}`);
    },

    // What is behind the head: a colour, or the photo's background where that was chosen.
    ground() {
      const { box, backdrop } = perse.live;
      return { colour: getComputedStyle(box).backgroundColor, photo: box.style.backgroundImage ? backdrop.picture : null };
    },

    // The same words that the server would put on it.
    label(pen, side, text) {
      if (!text) return;
      const size = Math.max(9, 0.026 * side), pad = 0.45 * size, margin = 0.02 * side;
      pen.font = `${size}px system-ui, sans-serif`;
      const high = size + 2 * pad, wide = Math.min(pen.measureText(text).width, 0.9 * side);
      pen.fillStyle = "rgba(0, 0, 0, .6)";
      pen.beginPath();
      pen.roundRect(margin, side - margin - high, wide + 2 * pad, high, pad);
      pen.fill();
      pen.fillStyle = "#fff";
      pen.textBaseline = "middle";
      pen.fillText(text, margin + pad, side - margin - high / 2, wide);
    },
  };
  perse.clip = clip;
})();
