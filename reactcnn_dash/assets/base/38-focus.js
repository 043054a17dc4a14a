/* Who clicks a choice with the mouse goes on with the page's keys, not with those of the choice. */
(function () {
  "use strict";

  const CHOICES = "[role=radiogroup], [role=option]";

  function letGo(event) {
    // A click without a place comes from the keyboard: there the focus is wanted.
    const byPointer = event.detail > 0 && event.target instanceof Element;
    if (!byPointer || !event.target.closest(CHOICES)) return;
    // After the choice has taken the focus itself.
    window.setTimeout(() => {
      const here = document.activeElement;
      if (here instanceof HTMLElement && here.matches("[type=radio], [aria-haspopup=listbox]")) here.blur();
    }, 0);
  }

  document.addEventListener("click", letGo, true);
})();
