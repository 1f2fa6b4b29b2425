// Turning and zooming by mouse, touch and keys: degrees and factors for whoever keeps the controls.

const DEGREES = 0.45; // of a turn for each pixel dragged

// change(yaw, pitch, zoom): turned by so many degrees, zoomed by a factor; reset() puts the camera back.
export function gestures(canvas, change, reset) {
  const fingers = new Map();
  let moved = 0, lastTap = 0;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    if (!fingers.size) moved = 0;
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const dx = event.clientX - before[0], dy = event.clientY - before[1];
    const other = [...fingers].find(([id]) => id !== event.pointerId);
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
    moved += Math.abs(dx) + Math.abs(dy);
    if (other) {
      const gap = (p) => Math.hypot(p[0] - other[1][0], p[1] - other[1][1]) || 1;
      change(0, 0, gap([event.clientX, event.clientY]) / gap(before));
    } else change(-DEGREES * dx, DEGREES * dy, 1);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, (event) => {
      if (!fingers.delete(event.pointerId) || fingers.size) return;
      // Two taps without a drag between them: a double click that works by touch too.
      const tap = name === "pointerup" && moved < 6;
      if (tap && event.timeStamp - lastTap < 400) reset();
      lastTap = tap ? event.timeStamp : 0;
    });
  }
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    change(0, 0, Math.exp(-0.0015 * event.deltaY * (event.deltaMode ? 20 : 1)));
  }, { passive: false });
  const keys = { ArrowLeft: [6, 0, 1], ArrowRight: [-6, 0, 1], ArrowUp: [0, -6, 1], ArrowDown: [0, 6, 1], "+": [0, 0, 1.1], "-": [0, 0, 1 / 1.1] };
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "0") reset();
    else if (keys[event.key]) {
      event.preventDefault();
      change(...keys[event.key]);
    }
  });
}
