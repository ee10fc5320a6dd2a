/* Moves the figures that `make frames` recorded. A slider stands for each control of the cell, and
   each choice of positions has its picture. None is loaded before the first touch. */
document.querySelectorAll(".play").forEach((box) => {
  const { controls, titles } = JSON.parse(box.dataset.record);
  const figure = box.closest(".cell_output").querySelector("img");
  let pictures = [];

  function load() {
    if (pictures.length) return;
    pictures = titles.map((_, number) => {
      const picture = new Image();
      picture.src = `${box.dataset.frames}/${number}.webp`;
      return picture;
    });
  }

  function say(control, title) {
    const value = control.values[control.slider.value];
    control.output.value = value;
    control.slider.setAttribute("aria-valuetext", title ? `${value}; ${title}` : value);
  }

  function move(control) {
    load();
    const number = controls.reduce((n, c) => n * c.values.length + Number(c.slider.value), 0);
    figure.src = pictures[number].src;
    figure.alt = titles[number];
    say(control, titles[number]);
  }

  const note = box.firstElementChild;
  controls.forEach((control, number) => {
    const [label, slider, output] = ["label", "input", "output"].map((tag) => {
      const element = document.createElement(tag);
      box.insertBefore(element, note);
      return element;
    });
    Object.assign(control, { slider, output });
    slider.id = output.htmlFor = label.htmlFor = `${box.dataset.frames.split("/").pop()}-${number}`;
    label.textContent = control.name;
    Object.assign(slider, { type: "range", max: control.values.length - 1, value: control.start });
    slider.addEventListener("input", () => move(control));
    say(control);
  });
  box.addEventListener("focusin", load);
  box.addEventListener("pointerdown", load);
  box.hidden = false;
});
