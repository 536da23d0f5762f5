export default function Exams() {
  return null;
}
