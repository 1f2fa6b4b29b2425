"""What the page needs beside Gradio's own components: visits, long jobs, frame routes, HTML, scripts and styles."""
