// The time line: a piece is chosen by drawing over it, and the player plays that piece.

const SHORTEST = 0.1;  // seconds

export function startTimeline(timeline, root) {
  const form = timeline.closest("form"), video = form.parentNode.querySelector("video");
  const duration = Number(timeline.dataset.duration);
  const [at, seconds] = [form.elements.at, form.elements.seconds];
  const [rest, edge] = timeline.querySelectorAll("path");
  let piece = [Number(at.value) || 0, (Number(at.value) || 0) + (Number(seconds.value) || duration)];
  timeline.classList.add("live");

  function draw() {
    const [from, to] = piece.map((time) => Math.min(1000, 1000 * time / duration));
    rest.setAttribute("d", `M0 0H${from}V75H0zM${to} 0H1000V75H${to}z`);
    edge.setAttribute("d", `M${from} 0V75M${to} 0V75`);
  }

  function choose(one, other) {
    const from = Math.max(0, Math.min(one, other)), to = Math.min(duration, Math.max(one, other));
    piece = [from, Math.max(to, Math.min(duration, from + SHORTEST))];
    at.value = piece[0].toFixed(2);
    seconds.value = (piece[1] - piece[0]).toFixed(2);
    draw();
  }

  for (const field of [at, seconds]) {
    field.addEventListener("input", () => {
      const from = Number(at.value) || 0, length = Number(seconds.value) || (at.value === "" ? duration : 2);
      piece = [from, Math.min(duration, from + length)];
      draw();
    });
  }

  let began = null;
  const time = (event) => {
    const box = timeline.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * duration;
  };
  timeline.addEventListener("pointerdown", (event) => {
    began = time(event);
    timeline.setPointerCapture(event.pointerId);
  });
  timeline.addEventListener("pointermove", (event) => { if (began !== null) choose(began, time(event)); });
  timeline.addEventListener("pointercancel", () => { began = null; });
  timeline.addEventListener("pointerup", (event) => {
    if (began === null) return;
    const to = time(event);
    if (Math.abs(to - began) < 0.01 * duration) {  // a click: a piece as long as before, from there on
      const length = piece[1] - piece[0] >= duration ? Math.min(2, duration) : piece[1] - piece[0];
      choose(Math.min(began, duration - length), Math.min(began, duration - length) + length);
    }
    began = null;
    play();
  });

  if (!video) return;
  // Times of the file that the browser has taken, the original or a piece of it, begin at `begin`.
  const begin = () => Number([...video.querySelectorAll("source")]
    .find((source) => video.currentSrc.endsWith(source.getAttribute("src")))?.dataset.begin ?? video.dataset.begin);
  function play() {
    video.currentTime = Math.max(0, piece[0] - begin());
    if (root.dataset.motion === "playing") video.play().catch(() => {});
  }
  video.addEventListener("loadedmetadata", play, { once: true });
  video.addEventListener("timeupdate", () => {
    const now = video.currentTime + begin();
    if (!video.paused && (now > piece[1] + 0.05 || now < piece[0] - 0.3)) video.currentTime = Math.max(0, piece[0] - begin());
  });
  if (video.readyState >= 1) play();
}
