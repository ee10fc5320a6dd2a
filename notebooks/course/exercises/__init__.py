"""The exercises of the lessons: `from course.exercises import lesson01 as exercises`."""
