/** VitePress's own theme with the reader's own fonts: nothing is fetched from anywhere else. */
import Theme from "vitepress/theme-without-fonts";
import "./style.css";

export default Theme;
